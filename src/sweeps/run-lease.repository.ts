import { randomUUID } from 'node:crypto';
import type pg from 'pg';
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
 * gone when another process has begun the sweep anew, as it does when this one is taken for gone,
 * and when the database crashed: the row is in a table that a crash empties, with what was seen.
 */
export class RunLease {
  private constructor(
    readonly pool: pg.Pool,
    readonly connectionId: string,
    readonly id: string,
  ) {}

  /**
   * Begins a run, and ends one of the same connection that was cut off.
   * @returns `undefined` while another one writes, or the release before sweeps the connection: it
   * holds the lock in a session for as long as it does
   */
  static async begin(
    pool: pg.Pool,
    sweepId: string,
    connectionId: string,
  ): Promise<RunLease | undefined> {
    const lease = new RunLease(pool, connectionId, randomUUID());
    return unlessTaken(pool, lockOf(connectionId), async (client) => {
      await clear(client, 'r.connection_id = $1', [connectionId]);
      await client.query(
        'INSERT INTO sweep_runs (id, sweep_id, connection_id) VALUES ($1, $2, $3)',
        [lease.id, sweepId, connectionId],
      );
      return lease;
    });
  }

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
  end(): Promise<void> {
    return withTransaction(this.pool, (client) => clear(client, 'r.id = $1', [this.id]));
  }
}

/** Clears what is left of runs whose sweep has ended, as that of a connection that was deleted. */
export function clearEndedRuns(pool: pg.Pool): Promise<void> {
  const hasEnded = `NOT EXISTS (
    SELECT FROM sweeps s WHERE s.id = r.sweep_id AND s.state IN ('queued', 'running'))`;
  return withTransaction(pool, (client) => clear(client, hasEnded, []));
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
