import type pg from 'pg';
import type { Database } from '../database/index.js';
import { type Connection, Prisma, type Sweep } from '../database/prisma-client/client.js';
import { STANDS_FOR_INTERVALS } from '../health/index.js';
import type { Rows } from '../http/page.js';
import type { QuarantinedItem } from '../providers/index.js';
import { LeasedRows } from '../work/index.js';
import type { DegradedFieldCount } from './degraded-fields.js';
import type { SpentLimit } from './sweep-budget.js';

/** What a sweep counts. */
export interface SweepCounts {
  readonly seen: number;
  readonly added: number;
  readonly changed: number;
  readonly vanished: number;
  readonly unchanged: number;
  readonly quarantined: number;
  /** Further copies of accounts that were seen more than once. */
  readonly duplicates: number;
}

export const NOTHING_COUNTED: SweepCounts = {
  seen: 0,
  added: 0,
  changed: 0,
  vanished: 0,
  unchanged: 0,
  quarantined: 0,
  duplicates: 0,
};

/** How a sweep ended. */
export interface SweepResult {
  readonly state: 'succeeded' | 'held' | 'failed';
  readonly counts: SweepCounts;
  readonly quarantine: readonly QuarantinedItem[];
  readonly degraded: readonly DegradedFieldCount[];
  /** Why it failed, is held, or succeeded in part. */
  readonly error: object | null;
  readonly budgetExhausted: SpentLimit | null;
}

/** A sweep that is due. */
interface DueSweep {
  readonly id: string;
}

/** What is needed of a connection to schedule its sweeps. */
export interface SweptConnection {
  readonly id: string;
  readonly teamId: string;
  readonly state: string;
  readonly paused: boolean;
  readonly sweepIntervalSeconds: number;
}

/** A sweep to queue unless one of its connection is queued or running. */
interface PlannedSweep {
  readonly id: string;
  readonly connectionId: string;
  readonly teamId: string;
  /** When the connection is due after it. */
  readonly nextSweepAt: Date;
}

const UNFINISHED = ['queued', 'running'];
/** Extended for as long as the process is at it; ends at once should that die. */
const LEASE_MS = 60_000;
const SWEPT_CONNECTION =
  'id, team_id AS "teamId", state, paused, sweep_interval_seconds AS "sweepIntervalSeconds"';

/**
 * Notes that the provider was asked at a time; verdicts are due to be checked after it. Sweeps in
 * quick succession count once, but for the first one that fails.
 */
const noteTry = (at: string, isFirst: string) =>
  `tried_at = CASE WHEN NOT ${isFirst}
       AND tried_at[1] > ${at}::timestamptz - make_interval(secs => sweep_interval_seconds / 2.0)
     THEN tried_at ELSE (array_prepend(${at}::timestamptz, tried_at))[1:${STANDS_FOR_INTERVALS}] END,
   next_aging_at = 'epoch'`;

/**
 * The rows of sweeps, and what sweeps write of their connections. A sweep is `queued` until its work
 * begins, and `running` until it has ended, whatever becomes of the processes that work on it.
 */
export class SweepsRepository {
  /** Unfinished sweeps as work: a lane for each connection. */
  readonly queue: LeasedRows<DueSweep>;

  constructor(private readonly database: Database) {
    this.queue = new LeasedRows(database.pool, {
      table: 'sweeps',
      lane: 'connection_id',
      dueAt: 'due_at',
      isOpen: `state IN ('queued', 'running')`,
      shares: `SELECT ARRAY['team ' || c.team_id, 'provider ' || c.provider,
          'both ' || c.team_id || ' ' || c.provider]
        FROM connections c WHERE c.id = due.lane`,
      onTake: '',
      onRelease: '',
      select: 'SELECT id FROM taken',
      leaseMs: LEASE_MS,
    });
  }

  /** @returns `null` when it has ended or is not there */
  findUnfinished(id: string): Promise<(Sweep & { readonly connection: Connection }) | null> {
    return this.database.prisma.sweep.findFirst({
      where: { id, state: { in: UNFINISHED } },
      include: { connection: true },
    });
  }

  /** The sweep of a connection that is queued or running, as the transaction sees it. */
  findUnfinishedOf(prisma: Prisma.TransactionClient, connectionId: string): Promise<Sweep> {
    return prisma.sweep.findFirstOrThrow({ where: { connectionId, state: { in: UNFINISHED } } });
  }

  /** The last sweep of a connection that is held, as the transaction sees it. */
  findLastHeld(prisma: Prisma.TransactionClient, connectionId: string): Promise<Sweep | null> {
    return prisma.sweep.findFirst({
      where: { connectionId, state: 'held' },
      orderBy: { id: 'desc' },
    });
  }

  /** The sweeps of a connection, newest first. */
  history(connectionId: string): Rows<Sweep> {
    const { sweep } = this.database.prisma;
    return {
      read: (beyondId, take) =>
        sweep.findMany({
          where: { connectionId, ...(beyondId !== undefined && { id: { lt: beyondId } }) },
          orderBy: { id: 'desc' },
          take,
        }),
      count: () => sweep.count({ where: { connectionId } }),
    };
  }

  /**
   * Locks a connection, so that nobody else queues a sweep of it.
   * @param client within a transaction
   * @returns `undefined` when it is deleted
   */
  async lock(client: pg.ClientBase, connectionId: string): Promise<SweptConnection | undefined> {
    const { rows } = await client.query<SweptConnection>(
      `SELECT ${SWEPT_CONNECTION} FROM connections WHERE id = $1 FOR UPDATE`,
      [connectionId],
    );
    return rows[0];
  }

  /** Locks up to `limit` connections that are due and that nobody else has locked. */
  async lockDue(client: pg.ClientBase, now: Date, limit: number): Promise<SweptConnection[]> {
    const { rows } = await client.query<SweptConnection>(
      `SELECT ${SWEPT_CONNECTION} FROM connections WHERE next_sweep_at <= $1 AND NOT paused
       ORDER BY next_sweep_at, id LIMIT $2 FOR UPDATE SKIP LOCKED`,
      [now, limit],
    );
    return rows;
  }

  /**
   * Queues sweeps and notes when their connections are due next.
   * @param client within the transaction that holds the connections locked
   * @returns the ids of those that were queued: none where a sweep is queued or running
   */
  async add(client: pg.ClientBase, planned: readonly PlannedSweep[], now: Date): Promise<string[]> {
    const { rows } = await client.query<{ id: string }>(
      `WITH planned AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb)
           AS p(id text, "connectionId" text, "teamId" text, "nextSweepAt" timestamptz)),
       moved AS (
         UPDATE connections c SET next_sweep_at = p."nextSweepAt"
         FROM planned p WHERE c.id = p."connectionId")
       INSERT INTO sweeps (id, team_id, connection_id, state, created_at, due_at)
       SELECT p.id, p."teamId", p."connectionId", 'queued', $2, $2 FROM planned p
       WHERE NOT EXISTS (
         SELECT FROM sweeps s WHERE s.connection_id = p."connectionId" AND s.state = ANY($3))
       RETURNING id`,
      [JSON.stringify(planned), now, UNFINISHED],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Ends a connection's unfinished sweep, whichever process is at it. What it stored is kept.
   * @param client within a transaction
   */
  async endUnfinished(
    client: pg.ClientBase,
    connectionId: string,
    error: object,
    now: Date,
  ): Promise<void> {
    await client.query(
      `UPDATE sweeps SET state = 'failed', error = $2, finished_at = $3, leased_by = NULL,
         leased_until = NULL
       WHERE connection_id = $1 AND state = ANY($4)`,
      [connectionId, error, now, UNFINISHED],
    );
  }

  async start(id: string, startedAt: Date): Promise<void> {
    await this.database.prisma.sweep.update({
      where: { id },
      data: { state: 'running', startedAt },
    });
  }

  /**
   * Ends a sweep, and with it its lease.
   * @param client within the transaction of what the sweep leads to
   */
  async finish(client: pg.ClientBase, id: string, result: SweepResult, now: Date): Promise<void> {
    const { seen, added, changed, vanished, unchanged, quarantined, duplicates } = result.counts;
    await client.query(
      `UPDATE sweeps SET state = $2, seen = $3, added = $4, changed = $5, vanished = $6,
         unchanged = $7, quarantined = $8, quarantine = $9, error = $10, finished_at = $11,
         duplicates = $12, degraded = $13, budget_exhausted = $14, leased_by = NULL,
         leased_until = NULL
       WHERE id = $1 AND state IN ('queued', 'running')`,
      [
        id,
        result.state,
        seen,
        added,
        changed,
        vanished,
        unchanged,
        quarantined,
        JSON.stringify(result.quarantine),
        result.error,
        now,
        duplicates,
        JSON.stringify(result.degraded),
        result.budgetExhausted,
      ],
    );
  }

  /**
   * Notes a complete sweep of a connection, which is `active` by it.
   * @param swept the connection as it was when the sweep began
   * @param healthError why the report of its accounts' health is not there; `null`: it is
   * @returns the connection's state before
   */
  async markSwept(
    client: pg.ClientBase,
    swept: Connection,
    startedAt: Date,
    healthError: object | null,
    now: Date,
  ): Promise<string | undefined> {
    const before = await this.lock(client, swept.id);
    await client.query(
      `UPDATE connections SET state = 'active',
         state_since = CASE WHEN state = 'active' THEN state_since ELSE $3 END,
         swept_at = $2, last_good_look_at = $3, last_error = $4::jsonb, ${noteTry('$2', 'false')},
         health_swept_at = CASE WHEN $4::jsonb IS NOT NULL
           THEN COALESCE(health_swept_at, swept_at, created_at) END,
         silent_since = CASE WHEN $4::jsonb IS NOT NULL THEN COALESCE(silent_since, $2) END,
         access_changed_at = CASE WHEN access_changed_at IS DISTINCT FROM $5
           THEN access_changed_at END,
         held_at = CASE WHEN access_changed_at IS DISTINCT FROM $5 THEN held_at END
       WHERE id = $1`,
      [swept.id, startedAt, now, healthError, swept.accessChangedAt],
    );
    return before?.state;
  }

  /**
   * Notes a sweep that read a part of the list: the provider answers, and what was not reached keeps
   * its age.
   * @param error why it was no more; `null`: it was the part that the sweep before had not reached
   */
  async markPartlySwept(
    client: pg.ClientBase,
    connectionId: string,
    error: object | null,
    now: Date,
  ): Promise<void> {
    await client.query(
      `UPDATE connections SET last_good_look_at = $3, last_error = $2, silent_since = NULL
       WHERE id = $1`,
      [connectionId, error, now],
    );
  }

  /** Notes where in a connection's list its next sweep goes on; `null`: at the beginning. */
  async setResumeCursor(
    client: pg.ClientBase,
    connectionId: string,
    cursor: string | null,
  ): Promise<void> {
    await client.query(
      `UPDATE connections SET resume_cursor = $2
       WHERE id = $1 AND resume_cursor IS DISTINCT FROM $2`,
      [connectionId, cursor],
    );
  }

  /** Notes that a connection's list waits to be confirmed, unless its key was changed again. */
  async markHeld(
    client: pg.ClientBase,
    swept: Connection,
    error: object,
    now: Date,
  ): Promise<void> {
    await client.query(
      `UPDATE connections SET held_at = COALESCE(held_at, $3), last_good_look_at = $3,
         last_error = $2, silent_since = NULL
       WHERE id = $1 AND access_changed_at = $4`,
      [swept.id, error, now, swept.accessChangedAt],
    );
  }

  /**
   * Ends a connection's wait for someone to confirm its list: what that list lacked counts as
   * missed once.
   * @param client within a transaction
   * @returns whether it waited
   */
  async release(client: pg.ClientBase, connectionId: string, now: Date): Promise<boolean> {
    const { rowCount } = await client.query(
      `UPDATE connections SET access_changed_at = NULL, held_at = NULL, last_error = NULL
       WHERE id = $1 AND held_at IS NOT NULL`,
      [connectionId],
    );
    if (rowCount === 0) return false;
    await client.query(
      `UPDATE accounts a SET missing_since = $2, checked_at = GREATEST(a.checked_at, c.swept_at)
       FROM connections c WHERE c.id = a.connection_id AND a.connection_id = $1
         AND a.missing_since IS NULL AND a.status NOT IN ('disconnected', 'disconnecting')`,
      [connectionId, now],
    );
    return true;
  }

  /**
   * Notes that a look at a connection failed.
   * @param triedAt when the provider was asked; `null`: the failure is not the provider's
   */
  async noteError(
    client: pg.ClientBase,
    connectionId: string,
    error: object,
    triedAt: Date | null,
  ): Promise<void> {
    await client.query(`UPDATE connections SET last_error = $2 WHERE id = $1`, [
      connectionId,
      error,
    ]);
    if (triedAt === null) return;
    await client.query(
      `UPDATE connections SET silent_since = COALESCE(silent_since, $2), ${noteTry('$2', '(silent_since IS NULL)')}
       WHERE id = $1`,
      [connectionId, triedAt],
    );
  }

  /**
   * Marks a connection's credentials as rejected, unless they were replaced since they were tried.
   * @param tried the connection with the credentials that the provider rejects
   * @returns the state before; `undefined`: replaced, nothing is written
   */
  async markRejected(
    client: pg.ClientBase,
    tried: Connection,
    nextSweepAt: Date,
    now: Date,
  ): Promise<string | undefined> {
    const before = await this.lock(client, tried.id);
    const { rowCount } = await client.query(
      `UPDATE connections SET state = 'credential_rejected', next_sweep_at = $3,
         state_since = CASE WHEN state = 'credential_rejected' THEN state_since ELSE $2 END
       WHERE id = $1 AND credentials = $4`,
      [tried.id, now, nextSweepAt, tried.credentials],
    );
    return rowCount === 0 ? undefined : before?.state;
  }

  /** How many active connections have not been swept to an end, good or bad. */
  countNeverSwept(): Promise<number> {
    return this.database.prisma.connection.count({
      where: {
        state: 'active',
        paused: false,
        sweptAt: null,
        lastError: { equals: Prisma.AnyNull },
      },
    });
  }

  async deleteBefore(time: Date): Promise<void> {
    await this.database.prisma.sweep.deleteMany({ where: { createdAt: { lt: time } } });
  }
}
