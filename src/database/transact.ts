import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { isDeadlocked } from './failure.js';
import { firstSession } from './shared-pool.js';

const TRIES = 3;
/** The victim leaves the other one time to take what it gave up, or they would meet again. */
const MAX_PAUSE_MS = 100;

/**
 * Runs a whole transaction, and again if it is the victim of a deadlock: everything it does besides
 * SQL must be safe to repeat.
 */
export async function unlessDeadlocked<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!isDeadlocked(error) || attempt === TRIES) throw error;
      await sleep(MAX_PAUSE_MS * (0.2 + 0.8 * Math.random()));
    }
  }
}

/** Runs `work` as one transaction on a client that is already held; see `unlessDeadlocked`. */
export function transact<Result>(
  client: pg.ClientBase,
  work: () => Promise<Result>,
): Promise<Result> {
  return unlessDeadlocked(async () => {
    await client.query('BEGIN');
    try {
      const result = await work();
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });
}

/** Runs `work` as one transaction on a client of the pool. */
export async function withTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    return await firstSession.run({ session: client }, () => transact(client, () => work(client)));
  } catch (error) {
    // A session whose transaction failed goes back to the pool only if it still answers.
    await client.query('SELECT 1').catch((broken: Error) => {
      failure = broken;
    });
    throw error;
  } finally {
    client.release(failure);
  }
}

/**
 * Has transactions that name the same thing take turns, on all replicas.
 * @param client within a transaction, whose end frees it
 */
export async function lockUntilEnd(client: pg.ClientBase, name: string): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [name]);
}

/**
 * Runs `work` as one transaction, unless another one does that named the same thing, on any replica.
 * @returns `undefined` without running it when one does
 */
export function unlessTaken<Result>(
  pool: pg.Pool,
  name: string,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result | undefined> {
  return withTransaction(pool, async (client) => {
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
      [name],
    );
    return rows[0]?.held ? work(client) : undefined;
  });
}
