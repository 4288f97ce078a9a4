import type pg from 'pg';
import { leaseHolderIsGone } from '../database/index.js';
import type { DueLane, DueLanesQuestion, TakeRequest, WorkDepth, WorkQueue } from './work-queue.js';

/**
 * How a table holds work, as SQL. Its rows have `id`, `leased_by` and `leased_until` beside what is
 * named here. Every text is a constant of the code: nothing a caller sent may be in it.
 */
export interface LeasedRowsSettings {
  readonly table: string;
  /** The column that names the lane of a row. */
  readonly lane: string;
  /** The column with the time from which on a row may be worked on. */
  readonly dueAt: string;
  /** The condition of a row whose work is not done, leased or not. */
  readonly isOpen: string;
  /** A further condition of a row that may be taken now; absent: none. */
  readonly mayBeTaken?: string;
  /** A query for the shares of the lane `due.lane`, as an array; see `DueLane`. */
  readonly shares: string;
  /** Set beside the lease when a row is taken, such as `state = 'running'`; empty: nothing. */
  readonly onTake: string;
  /** Set when a row is given back before its work was done; empty: nothing. */
  readonly onRelease: string;
  /** Reads an item of each row of `taken`, which has all columns of the table. */
  readonly select: string;
  /** Milliseconds that a lease lasts unless it is extended. */
  readonly leaseMs: number;
}

/**
 * SQL: whether a row may be taken. $1 is now, $2 the process that asks, $3 what it is at work on.
 *
 * @param lockedTable the table, where its rows are locked in the same statement
 */
export const isFree = (lockedTable?: string) =>
  `id <> ALL($3) AND (leased_by IS NULL OR leased_by = $2 OR leased_until < $1
  OR ${leaseHolderIsGone('leased_by', lockedTable === undefined ? undefined : { table: lockedTable, key: 'id' })})`;

/**
 * Rows of a table as work: which are due, and who has taken them. A lease is taken in one statement,
 * so that a row is never taken twice. It ends when its work does, when its time is over, and the
 * moment its process dies; a process that is not at work on a row that is leased to it takes it
 * again.
 */
export class LeasedRows<Item extends { readonly id: string }> implements WorkQueue<Item> {
  constructor(
    private readonly pool: pg.Pool,
    private readonly settings: LeasedRowsSettings,
  ) {}

  private get mayBeTaken(): string {
    const { isOpen, mayBeTaken } = this.settings;
    return mayBeTaken === undefined ? isOpen : `${isOpen} AND ${mayBeTaken}`;
  }

  async dueLanes(question: DueLanesQuestion): Promise<readonly DueLane[]> {
    const { table, lane, dueAt, shares } = this.settings;
    const { rows } = await this.pool.query<DueLane>({
      name: `due-lanes-of-${table}`,
      text: `SELECT due.lane, s.shares FROM (
          SELECT ${lane} AS lane, min(${dueAt}) AS at FROM ${table}
          WHERE ${this.mayBeTaken} AND ${dueAt} <= $1 AND ${isFree()} AND ${lane} <> ALL($4)
          GROUP BY ${lane}) due
        CROSS JOIN LATERAL (SELECT COALESCE((${shares}), '{}') AS shares) s
        WHERE NOT s.shares && $5::text[] ORDER BY due.at LIMIT $6`,
      values: [
        question.now,
        question.holder,
        question.working,
        question.fullLanes,
        question.fullShares,
        question.limit,
      ],
    });
    return rows;
  }

  async take(request: TakeRequest): Promise<Item[]> {
    const { table, lane, dueAt, onTake, select, leaseMs } = this.settings;
    const { now, holder, working } = request;
    const { rows } = await this.pool.query<Item>({
      name: `take-${table}`,
      text: `WITH taken AS (
          UPDATE ${table} SET leased_by = $2, leased_until = $6${onTake && `, ${onTake}`}
          WHERE id IN (
            SELECT id FROM ${table}
            WHERE ${lane} = $4 AND ${this.mayBeTaken} AND ${dueAt} <= $1 AND ${isFree(table)}
            ORDER BY ${dueAt}, id LIMIT $5 FOR UPDATE SKIP LOCKED)
          RETURNING *)
        ${select}`,
      values: [
        now,
        holder,
        working,
        request.lane,
        request.limit,
        new Date(now.getTime() + leaseMs),
      ],
    });
    return rows;
  }

  async extend(ids: readonly string[], holder: string, now: Date): Promise<ReadonlySet<string>> {
    const { table, leaseMs } = this.settings;
    const { rows } = await this.pool.query<{ id: string }>({
      name: `extend-${table}`,
      text: `WITH held AS (
          SELECT id, leased_until FROM ${table} WHERE id = ANY($1) AND leased_by = $2),
        extended AS (
          UPDATE ${table} t SET leased_until = $3 FROM held h
          WHERE t.id = h.id AND t.leased_by = $2 AND h.leased_until < $4)
        SELECT id FROM held`,
      values: [
        ids,
        holder,
        new Date(now.getTime() + leaseMs),
        new Date(now.getTime() + leaseMs / 2),
      ],
    });
    return new Set(rows.map(({ id }) => id));
  }

  async release(ids: readonly string[], holder: string, dueAt: Date | null): Promise<void> {
    const { table, dueAt: column, onRelease } = this.settings;
    await this.pool.query({
      name: `release-${table}`,
      text: `UPDATE ${table} SET leased_by = NULL, leased_until = NULL,
          ${column} = COALESCE($3::timestamptz, ${column})${onRelease && `, ${onRelease}`}
        WHERE id = ANY($1) AND leased_by = $2`,
      values: [ids, holder, dueAt],
    });
  }

  /**
   * Takes a lane's work from whichever process is at it, which notices at its next look; it is due
   * as it was.
   * @param client within the transaction of the reason
   */
  async interrupt(client: pg.ClientBase, lane: string): Promise<void> {
    const { table, lane: column, isOpen } = this.settings;
    await client.query(
      `UPDATE ${table} SET leased_by = NULL, leased_until = NULL
       WHERE ${column} = $1 AND ${isOpen} AND leased_by IS NOT NULL`,
      [lane],
    );
  }

  async depth(now: Date): Promise<WorkDepth> {
    const { table, dueAt, isOpen } = this.settings;
    const isDue = `leased_by IS NULL AND ${dueAt} <= $1 AND ${this.mayBeTaken}`;
    const { rows } = await this.pool.query<WorkDepth>({
      name: `depth-of-${table}`,
      text: `SELECT (count(*) FILTER (WHERE ${isDue}))::int AS due,
          (count(*) FILTER (WHERE leased_by IS NOT NULL))::int AS leased,
          min(${dueAt}) FILTER (WHERE ${isDue}) AS "oldestDueAt"
        FROM ${table} WHERE ${isOpen}`,
      values: [now],
    });
    return rows[0] ?? { due: 0, leased: 0, oldestDueAt: null };
  }
}
