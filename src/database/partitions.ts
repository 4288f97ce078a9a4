import type pg from 'pg';

/** How a table that is partitioned by time is kept. */
export interface TimePartitions {
  readonly table: string;
  /** What one partition holds, in UTC; weeks begin on Mondays. */
  readonly unit: 'day' | 'week' | 'month';
  /** Partitions made ahead. */
  readonly ahead: number;
  /** Milliseconds that rows are kept at least: a partition is dropped when its last is that old. */
  readonly retentionMs: number;
}

/** Another transaction would not let go of the table in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Makes the partitions of now and of the time to come, and drops those that are too old. Run again
 * and again: what could not get its lock at once is left to the next run, and rows that have no
 * partition yet are in the one of everything else until then. Replicas take turns.
 */
export async function keepPartitions(
  pool: pg.Pool,
  { table, unit, ahead, retentionMs }: TimePartitions,
  now: Date,
): Promise<void> {
  await unlessLocked(
    pool.query('SELECT make_time_partitions($1, $2, $3, $4)', [table, unit, now, ahead]),
  );
  const oldest = new Date(now.getTime() - retentionMs);
  await unlessLocked(pool.query('SELECT drop_time_partitions($1, $2)', [table, oldest]));
}

async function unlessLocked(work: Promise<unknown>): Promise<void> {
  await work.catch((error: { readonly code?: string }) => {
    if (error.code !== LOCK_NOT_AVAILABLE) throw error;
  });
}
