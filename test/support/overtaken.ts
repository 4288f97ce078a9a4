import type pg from 'pg';
import { waitFor } from './wait.js';

/**
 * Sends requests while a transaction is open, which is committed once they wait for it, or are
 * answered.
 * @param work writes and locks in the transaction
 * @param waiting how many sessions are to wait
 */
export async function overtaken<Result>(
  pool: pg.Pool,
  work: (client: pg.ClientBase) => Promise<unknown>,
  waiting: number,
  send: () => Promise<Result>,
): Promise<Result> {
  const holder = await pool.connect();
  try {
    await holder.query('BEGIN');
    await work(holder);
    let isAnswered = false;
    const replies = send().finally(() => {
      isAnswered = true;
    });
    await waitFor(`${waiting} requests to wait, or the answers`, async () => {
      const { rows } = await pool.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_stat_activity
         WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`,
      );
      return isAnswered || (rows[0]?.count ?? 0) >= waiting;
    });
    await holder.query('COMMIT');
    return await replies;
  } finally {
    // It may be in its transaction still.
    holder.release(true);
  }
}
