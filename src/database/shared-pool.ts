import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isFull, withoutSession } from './failure.js';
import type { Hosts } from './hosts.js';
import { QuerySlots, requestUse } from './query-slots.js';
import { type PreparedStatements, Session } from './session.js';

/** What requests may use of the connections; background work has the rest to itself. */
const OF_REQUESTS = 0.8;
/** For so long no session is asked for beyond those that there are, where the server refused one. */
const FULL_MS = 2_000;
/** Between two tries while there is none at all. */
const TRY_AGAIN_MS = 100;

/**
 * The session of the transaction that runs. It is that which is taken first in it: Prisma does not
 * say which one a transaction has.
 */
export const firstSession = new AsyncLocalStorage<{ session: pg.PoolClient | undefined }>();

/**
 * Emitted where a transaction takes a second session. Where a request may have one at a time it would
 * wait for itself until its time is up; tests listen.
 */
export const NESTED = 'nested';

type Lent = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

interface SharedPoolSettings extends pg.PoolConfig {
  readonly max: number;
  /** Milliseconds that a query waits for a session, a new one included. */
  readonly connectionTimeoutMillis: number;
  /** The longest that one statement of background work may take. */
  readonly statementMs: number;
  readonly preparedStatements: PreparedStatements;
  readonly hosts: Hosts;
  /** A standby serves it. */
  readonly isForReads?: boolean;
}

/**
 * The connections, divided among the teams whose requests run, each request with the time it has
 * for a statement. Both ways to the database take theirs here: `query` of the pool, and Prisma.
 */
export class SharedPool extends pg.Pool {
  readonly slots: QuerySlots;
  /** When a session last answered, in the time of `performance.now()`. */
  answeredAt = Number.NEGATIVE_INFINITY;
  private readonly settings: SharedPoolSettings;
  /** Runs while no more sessions are asked for than there are. */
  private growing: NodeJS.Timeout | undefined;
  /** When a session was last found silent: those that have not answered since may be so, too. */
  private suspectedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: SharedPoolSettings) {
    super({
      ...settings,
      Client: Session,
      onConnect: (client) => (client as Session).prepare(),
    });
    this.settings = settings;
    const { max, connectionTimeoutMillis } = settings;
    this.slots = new QuerySlots(
      Math.max(1, Math.floor(OF_REQUESTS * max)),
      connectionTimeoutMillis,
    );
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Lent): void;
  override connect(callback?: Lent): Promise<pg.PoolClient> | undefined {
    const taken = firstSession.getStore();
    this.tellNested();
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

  /** Tells where a transaction is about to take a second session; see `NESTED`. */
  tellNested(): void {
    if (firstSession.getStore()?.session)
      this.emit(NESTED, new Error('a transaction takes a second session'));
  }

  private async lend(): Promise<pg.PoolClient> {
    const use = requestUse.getStore();
    if (use === undefined || use.isOver) return this.session(this.settings.statementMs, noSlot);
    const elsewhere = await use.reads?.lend(this);
    if (elsewhere) return elsewhere;
    const free = await this.slots.take(use);
    try {
      return await this.session(use.statementMs, free);
    } catch (error) {
      free();
      throw error;
    }
  }

  /**
   * A new session, or an existing one once it is free, if the server allows no more.
   * @param limitMs the longest that one of its statements may take
   * @param free is called when it is given back
   * @throws Error when there is no session, for any reason; see `withoutSession`
   */
  private async session(limitMs: number, free: () => void): Promise<pg.PoolClient> {
    const end = performance.now() + this.settings.connectionTimeoutMillis;
    for (let tries = 1; ; tries++) {
      try {
        const session = (await super.connect()) as pg.PoolClient & Session;
        if (session.answeredAt >= this.suspectedAt) return this.lent(session, limitMs, free);
        session.release(true);
      } catch (error) {
        if (performance.now() > end) throw withoutSession(error);
        if (tries < this.settings.hosts.all.length) continue;
        if (!isFull(error)) throw withoutSession(error);
        this.growNoMore();
        if (this.totalCount === 0) await sleep(TRY_AGAIN_MS);
      }
    }
  }

  private lent(session: pg.PoolClient & Session, limitMs: number, free: () => void): pg.PoolClient {
    session.limitMs = limitMs;
    const release = session.release.bind(session);
    session.release = (error) => {
      free();
      this.answeredAt = Math.max(this.answeredAt, session.answeredAt);
      if (session.isSilent || session.isReadOnly) this.suspect();
      release(error || session.isSpent);
    };
    return session;
  }

  /** Sessions that have not answered since are replaced before they serve again. */
  suspect(): void {
    this.suspectedAt = performance.now();
  }

  private growNoMore(): void {
    this.options.max = Math.max(1, this.totalCount);
    this.growing ??= setTimeout(() => {
      this.growing = undefined;
      this.options.max = this.settings.max;
    }, FULL_MS).unref();
  }
}

const noSlot = () => undefined;
