import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isDiskFull, isFull, isUnreachable, withoutSession } from './failure.js';
import { type Hosts, readOnly } from './hosts.js';
import { inBackground } from './query-slots.js';
import { Session, type SessionConfig } from './session.js';
import type { SharedPool } from './shared-pool.js';

const MAX_MS = 2_000;
/** Two megabytes that need new space in files and log; gone with the statement. */
const TRY_TO_WRITE = `CREATE TEMPORARY TABLE rollcall_space ON COMMIT DROP AS
  SELECT repeat(md5(n::text), 60) AS filler FROM generate_series(1, 1000) AS n`;
/** PostgreSQL's `insufficient_privilege`. */
const FORBIDDEN = '42501';

/**
 * Whether the database answers and has space to write, asked over a connection of its own, so that
 * it can answer while all others are in use.
 */
export class Reachability {
  private readonly pool: pg.Pool;
  private asked: Promise<boolean> | undefined;
  /** Whether a write failed for want of space since one was last seen to have enough. */
  private lacksSpace = false;
  private triedToWrite: Promise<boolean> | undefined;

  /** @param shared where the server has no session left for us, one of these is asked */
  constructor(
    private readonly hosts: Hosts,
    private readonly shared: SharedPool,
  ) {
    const settings: pg.PoolConfig & SessionConfig = {
      ...hosts.current,
      hosts,
      max: 1,
      connectionTimeoutMillis: MAX_MS,
      query_timeout: MAX_MS,
      Client: Session,
      application_name: 'rollcall reachability',
      // Each with a server that takes writes.
      onConnect: (client) => (client as Session).prepare(),
    };
    this.pool = new pg.Pool(settings);
    this.pool.on('error', () => undefined);
  }

  /** Whether it answers and is migrated. Those who ask at once share one question. */
  isReachable(): Promise<boolean> {
    this.asked ??= this.ask().finally(() => {
      this.asked = undefined;
    });
    return this.asked;
  }

  /** A short question over the same connection. @throws when it has no answer within seconds */
  async query<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    try {
      return await this.queryOwn<Row>(text, values);
    } catch (error) {
      if (!isFull(error)) throw error;
      return this.queryShared(text, values);
    }
  }

  /** Takes note of any failure; `hasSpace` reports those caused by a full disk. */
  note(error: unknown): void {
    if (isDiskFull(error)) this.lacksSpace = true;
  }

  /**
   * Whether there is space to write, as far as is known. Nothing is written to find out, except
   * after a write that failed for want of it.
   */
  async hasSpace(): Promise<boolean> {
    if (!this.lacksSpace) return true;
    this.triedToWrite ??= this.tryToWrite().finally(() => {
      this.triedToWrite = undefined;
    });
    return this.triedToWrite;
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async ask(): Promise<boolean> {
    const question = `SELECT current_setting('transaction_read_only') AS "readOnly" FROM
      (SELECT count(*) FROM (SELECT FROM teams LIMIT 1) AS one) AS migrated`;
    try {
      await this.queryOwn(question, []);
    } catch (error) {
      if (!isFull(error)) return false;
      // While queries are answered there is nothing to ask.
      if (this.shared.answeredAt > performance.now() - MAX_MS) return true;
      return this.queryShared(question, []).then(
        () => true,
        () => false,
      );
    }
    return true;
  }

  /** Each host is asked, as one after the other is passed over. */
  private async queryOwn<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    for (let tries = 1; ; tries++) {
      try {
        const session = await this.pool.connect().catch((error: unknown) => {
          throw withoutSession(error);
        });
        try {
          const { rows } = await session.query<Row>(text, [...values]);
          if (rows[0]?.readOnly === 'on') this.loseWrites(session);
          session.release((session as pg.PoolClient & Session).isSpent);
          return rows;
        } catch (error) {
          // It may be one that will never answer.
          session.release(true);
          throw error;
        }
      } catch (error) {
        if (tries >= this.hosts.all.length || !isUnreachable(error)) throw error;
      }
    }
  }

  /** It has become read-only without a word: the others of the gateway may be on the same server. */
  private loseWrites(session: pg.PoolClient): never {
    (session as pg.PoolClient & Session).loseWrites();
    this.shared.suspect();
    throw readOnly();
  }

  private async queryShared<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    const asked = inBackground(() => this.shared.query<Row>(text, [...values]));
    const late = new AbortController();
    try {
      return await Promise.race([
        asked.then(({ rows }) => rows),
        sleep(MAX_MS, undefined, { signal: late.signal }).then(() => {
          throw new Error('timeout exceeded when trying to connect');
        }),
      ]);
    } finally {
      late.abort();
    }
  }

  private async tryToWrite(): Promise<boolean> {
    // One that may not create the table cannot find out, and takes the next write for the answer.
    this.lacksSpace = await this.query(TRY_TO_WRITE, []).then(
      () => false,
      (error: { readonly code?: string }) => error.code !== FORBIDDEN,
    );
    return !this.lacksSpace;
  }
}
