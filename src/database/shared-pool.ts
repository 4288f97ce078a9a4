import pg from 'pg';
import { QuerySlots, requestUse } from './query-slots.js';

/** What requests may use of the connections; background work has the rest to itself. */
const OF_REQUESTS = 0.8;

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
  /** What each session's statements may take at the moment. */
  private readonly allowed = new WeakMap<pg.PoolClient, number>();

  constructor({ statementMs, ...settings }: SharedPoolSettings) {
    super(settings);
    this.statementMs = statementMs;
    const total = Math.max(1, Math.floor(OF_REQUESTS * settings.max));
    this.slots = new QuerySlots(total, settings.connectionTimeoutMillis);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Lent): void;
  override connect(callback?: Lent): Promise<pg.PoolClient> | undefined {
    const lent = this.lend();
    if (callback === undefined) return lent;
    lent.then(
      (client) => callback(undefined, client, (error) => client.release(error as Error)),
      (error: Error) => callback(error, undefined, () => undefined),
    );
    return undefined;
  }

  private async lend(): Promise<pg.PoolClient> {
    const use = requestUse.getStore();
    if (use === undefined || use.isOver) return this.timed(await super.connect(), this.statementMs);
    const free = await this.slots.take(use);
    try {
      const client = await super.connect();
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
