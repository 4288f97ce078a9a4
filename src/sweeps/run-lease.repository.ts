import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { leaseHolderIsGone } from '../database/index.js';
import { unlessTaken, withTransaction } from '../database/transact.js';

/** The lock of a connection's sweep; one that begins has it alone, one under way shares it. */
const lockOf = (connectionId: string) => `sweep ${connectionId}`;

/** A run that has no right to write any more: its sweep begins again, here or in another process. */
export class RunReplaced extends Error {
  constructor() {
    super('the sweep was begun anew, or the database has lost what it had seen');
  }
}

/**
 * The right to sweep a connection: a row that each transaction of the run finds and locks. It is
 * gone when another process has begun the sweep anew, as it does once this one is taken for gone,
 * and when the database crashed: the row is in a table that a crash empties, with what was seen.
 */
export class RunLease {
  constructor(
    readonly pool: pg.Pool,
    readonly connectionId: string,
    readonly id: string,
    /** Takes note that it has ended, whether its rows could be cleared or not. */
    private readonly onEnd: () => void,
  ) {}

  /**
   * Runs `work` as one transaction that no other run of the connection overlaps.
   * @throws RunReplaced when the run may write no more
   */
  transaction<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    return withTransaction(this.pool, async (client) => {
      const { rows } = await client.query<{ free: boolean }>(
        `SELECT pg_try_advisory_xact_lock_shared(hashtextextended($2, 0)) AS free
         FROM sweep_runs WHERE id = $1 FOR KEY SHARE`,
        [this.id, lockOf(this.connectionId)],
      );
      if (!rows[0]?.free) throw new RunReplaced();
      return work(client);
    });
  }

  /** Ends the run; nothing of it stays. */
  async end(): Promise<void> {
    this.onEnd();
    await withTransaction(this.pool, (client) => clear(client, 'r.id = $1', [this.id]));
  }
}

/** The runs of a process. */
export class RunLeases {
  private readonly underWay = new Set<string>();

  /** @param holder the name of the process */
  constructor(
    private readonly pool: pg.Pool,
    private readonly holder: string,
  ) {}

  /**
   * Begins a run, and ends one of the same connection that was cut off.
   * @returns `undefined` while a process that lives is at the connection, or the release before: that
   * holds the lock in a session for as long as it sweeps
   */
  async begin(sweepId: string, connectionId: string): Promise<RunLease | undefined> {
    const id = randomUUID();
    const lease = new RunLease(this.pool, connectionId, id, () => this.underWay.delete(id));
    const begun = await unlessTaken(this.pool, lockOf(connectionId), async (client) => {
      const isCutOff = `r.connection_id = $1 AND (${leaseHolderIsGone('r.holder')}
        OR r.holder = $2 AND r.id <> ALL ($3::uuid[]))`;
      await clear(client, isCutOff, [connectionId, this.holder, [...this.underWay]]);
      const { rowCount } = await client.query(
        `INSERT INTO sweep_runs (id, sweep_id, connection_id, holder) VALUES ($1, $2, $3, $4)
         ON CONFLICT (connection_id) DO NOTHING`,
        [id, sweepId, connectionId, this.holder],
      );
      return rowCount === 1;
    });
    if (!begun) return undefined;
    this.underWay.add(id);
    return lease;
  }

  /** Clears what is left of runs whose sweep has ended, as that of a connection that was deleted. */
  clearEnded(): Promise<void> {
    const hasEnded = `NOT EXISTS (
      SELECT FROM sweeps s WHERE s.id = r.sweep_id AND s.state IN ('queued', 'running'))`;
    return withTransaction(this.pool, (client) => clear(client, hasEnded, []));
  }
}

/**
 * The run's row first: that waits for the transaction which has it locked, and none comes after it.
 * @param which the condition of `r`, a run
 */
async function clear(
  client: pg.ClientBase,
  which: string,
  values: readonly unknown[],
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `DELETE FROM sweep_runs r WHERE ${which} RETURNING r.id`,
    [...values],
  );
  for (const { id } of rows) {
    await client.query('DELETE FROM sweep_observed WHERE run_id = $1', [id]);
    await client.query('DELETE FROM sweep_staged WHERE run_id = $1', [id]);
  }
}
