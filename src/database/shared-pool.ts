import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isFull } from './failure.js';
import { QuerySlots, requestUse } from './query-slots.js';

/** What requests may use of the connections; background work has the rest to itself. */
const OF_REQUESTS = 0.8;

/** For so long no session is asked for beyond those that there are, where the server refused one. */
const FULL_MS = 2_000;
/** Between two tries while there is none at all. */
const TRY_AGAIN_MS = 100;

/** Notes the session that is taken first in it: Prisma does not say which one a transaction has. */
export const firstSession = new AsyncLocalStorage<{ session: pg.PoolClient | undefined }>();

type Lent = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

export interface SharedPoolSettings extends pg.PoolConfig {
  readonly max: number;
  readonly connectionTimeoutMillis: number;
  /** The longest that one statement of background work may take. */
  readonly statementMs: number;
}

/**
 * The connections, divided among the teams whose requests run, each request with the time it has
 * for a statement. Both ways to the database take theirs here: `query` of the pool, and Prisma.
 */
export class SharedPool extends pg.Pool {
  readonly slots: QuerySlots;
  private readonly statementMs: number;
  private readonly settings: Pick<SharedPoolSettings, 'max' | 'connectionTimeoutMillis'>;
  /** Runs while no more sessions are asked for than there are. */
  private growing: NodeJS.Timeout | undefined;
  /** What each session's statements may take at the moment. */
  private readonly allowed = new WeakMap<pg.PoolClient, number>();

  constructor({ statementMs, ...settings }: SharedPoolSettings) {
    super(settings);
    this.settings = settings;
    this.statementMs = statementMs;
    const total = Math.max(1, Math.floor(OF_REQUESTS * settings.max));
    this.slots = new QuerySlots(total, settings.connectionTimeoutMillis);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Lent): void;
  override connect(callback?: Lent): Promise<pg.PoolClient> | undefined {
    const taken = firstSession.getStore();
    const lent = this.lend().then((client) => {
      if (taken) taken.session ??= client;
      return client;
    });
    if (callback === undefined) return lent;
    lent.then(
      (client) => callback(undefined, client, (error) => client.release(error as Error)),
      (error: Error) => callback(error, undefined, () => undefined),
    );
    return undefined;
  }

  private async lend(): Promise<pg.PoolClient> {
    const use = requestUse.getStore();
    if (use === undefined || use.isOver) return this.timed(await this.session(), this.statementMs);
    const free = await this.slots.take(use);
    try {
      const client = await this.session();
      const release = client.release.bind(client);
      client.release = (error) => {
        free();
        release(error);
      };
      return await this.timed(client, use.statementMs);
    } catch (error) {
      free();
      throw error;
    }
  }

  /** A new session, or one that there is: also where the server has no more, once one is free. */
  private async session(): Promise<pg.PoolClient> {
    const end = performance.now() + this.settings.connectionTimeoutMillis;
    for (;;) {
      try {
        return await super.connect();
      } catch (error) {
        if (!isFull(error) || performance.now() > end) throw error;
        this.growNoMore();
        if (this.totalCount === 0) await sleep(TRY_AGAIN_MS);
      }
    }
  }

  private growNoMore(): void {
    this.options.max = Math.max(1, this.totalCount);
    this.growing ??= setTimeout(() => {
      this.growing = undefined;
      this.options.max = this.settings.max;
    }, FULL_MS).unref();
  }

  /** The session with its limit set where the one before had another. */
  private async timed(client: pg.PoolClient, statementMs: number): Promise<pg.PoolClient> {
    if ((this.allowed.get(client) ?? this.statementMs) === statementMs) return client;
    try {
      await client.query(`SET statement_timeout = ${statementMs}`);
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
    this.allowed.set(client, statementMs);
    return client;
  }
}
