import type pg from 'pg';
import PgBoss from 'pg-boss';
import type { Logger } from '../lib/logger.js';

/**
 * The queues. A job only wakes the work: what there is to do is in our own tables, where the
 * worker looks. `expireInSeconds` bounds how long a dead replica's job looks alive; the work
 * itself is guarded by locks and leases of its own.
 */
const QUEUES = {
  sweep: { expireInSeconds: 6 * 3600, workers: 3 },
} as const;

export type QueueName = keyof typeof QUEUES;
const QUEUE_NAMES = Object.keys(QUEUES) as QueueName[];
const POLLING_SECONDS = 2;
const RETENTION_HOURS = 24;

/** Jobs over PostgreSQL, shared by all replicas. */
export interface Jobs {
  /**
   * Queues a job for each of `data`.
   * @param client sends within its transaction; call `wake` once it has committed
   */
  send(queue: QueueName, data: readonly object[], client?: pg.ClientBase): Promise<void>;
  /** Lets this process look at a queue now instead of at its next poll. */
  wake(queue: QueueName): void;
  work(queue: QueueName, handle: (data: unknown) => Promise<void>): Promise<void>;
  /** Takes no new job; resolves when the running ones have ended. */
  stop(): Promise<void>;
}

export async function startJobs(pool: pg.Pool, logger: Logger): Promise<Jobs> {
  const boss = new PgBoss({
    db: executing(pool),
    schedule: false,
    archiveCompletedAfterSeconds: 3600,
    deleteAfterHours: RETENTION_HOURS,
  });
  boss.on('error', (error) => logger.error('job queue', { error: String(error.stack ?? error) }));
  await inTurn(pool, async () => {
    await boss.start();
    for (const name of QUEUE_NAMES)
      await boss.createQueue(name, {
        name,
        retryLimit: 0,
        expireInSeconds: QUEUES[name].expireInSeconds,
      });
  });

  const workers = new Map<QueueName, string[]>();
  const running = new Set<Promise<void>>();
  return {
    async send(queue, data, client) {
      if (data.length === 0) return;
      const jobs = data.map((job) => ({ name: queue, data: job }));
      await boss.insert(jobs, client ? { db: executing(client) } : {});
    },
    wake(queue) {
      for (const worker of workers.get(queue) ?? []) boss.notifyWorker(worker);
    },
    async work(queue, handle) {
      const track = async ([job]: PgBoss.Job<unknown>[]) => {
        const work = handle(job?.data).catch((error: unknown) => {
          logger.error('job failed', {
            operation: queue,
            error: error instanceof Error ? String(error.stack) : 'not an Error',
          });
        });
        running.add(work);
        await work.finally(() => running.delete(work));
      };
      const settings = { batchSize: 1, pollingIntervalSeconds: POLLING_SECONDS };
      const started = Array.from({ length: QUEUES[queue].workers }, () =>
        boss.work(queue, settings, track),
      );
      workers.set(queue, await Promise.all(started));
    },
    async stop() {
      for (const queue of workers.keys()) await boss.offWork(queue);
      await Promise.all(running);
      await boss.stop({ graceful: false, close: false, wait: false });
    },
  };
}

/**
 * Replicas that start together make the queues one after the other: at once they would lock each
 * other out.
 */
async function inTurn(pool: pg.Pool, work: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(`SELECT pg_advisory_lock(hashtextextended('job queues', 0))`);
    await work();
  } finally {
    // The lock ends with its session.
    client.release(true);
  }
}

/** pg-boss speaks through our own pool or transaction. */
function executing(client: pg.Pool | pg.ClientBase): PgBoss.Db {
  return { executeSql: async (text, values) => client.query(text, values) };
}
