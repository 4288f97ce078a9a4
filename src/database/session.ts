import type { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { isObject } from '../lib/is-object.js';
import { StartError } from '../lib/start-error.js';
import { withoutSession } from './failure.js';
import { HOST_MS, type Hosts, READ_ONLY, readOnly } from './hosts.js';

/** How named statements are handled; `undefined`: PostgreSQL itself keeps them, a pooler does not. */
export type PreparedStatements = 'on' | 'off' | undefined;

export interface SessionConfig extends pg.ClientConfig {
  readonly preparedStatements?: PreparedStatements | undefined;
  /** Where there are several, or one that may lead to a server that takes no writes. */
  readonly hosts?: Hosts;
  /** Whether it is for reads alone: a standby serves it. */
  readonly isForReads?: boolean;
}

/** The server ends the session, or is no longer the one that takes writes. */
const LOST = /^(25006|57P0[1-3]|08...)$/;
/** What PostgreSQL tells unasked of a server that takes no writes (14 and later). */
const TELL_READ_ONLY: readonly string[] = ['in_hot_standby', 'default_transaction_read_only'];

/** Milliseconds that a new session's first statements may take. */
const FIRST_STATEMENTS_MS = 5_000;
/** The longest that a statement may take as the server counts, should nobody be left to cancel it. */
const STATEMENT_MS = 60_000;
const IDLE_IN_TRANSACTION_MS = 60_000;
/** How long the answer to a cancelled statement is waited for. */
const CANCEL_MS = 2_000;
/** How long the other side has to close the connection of a cancel request. */
const CANCEL_CLOSE_MS = 60_000;
/** The first four bytes of a cancel request (PostgreSQL, "Message Formats", CancelRequest). */
const CANCEL_CODE = 80_877_102;
/** PostgreSQL's `query_canceled`. */
const CANCELLED = '57014';
/** After these the server ends the session. */
const LAST_WORDS: readonly (string | undefined)[] = ['FATAL', 'PANIC'];
/** What `pg` says where `query_timeout` is over: the answer may still come, and is nobody's. */
const NOT_ANSWERED = 'Query read timeout';

const LIMITS: Readonly<Record<string, number>> = {
  statement_timeout: STATEMENT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
};
const set = (scope: string) =>
  Object.entries(LIMITS)
    .map(([name, ms]) => `SET ${scope} ${name} = ${ms}`)
    .join('; ');

/** What `pg` has and its types leave out. */
interface Inner {
  readonly processID: number;
  readonly secretKey: number;
  readonly _queryable: boolean;
  readonly _ending: boolean;
  getStartupConf(): Readonly<Record<string, string>>;
}

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

type Send = (...parameters: readonly unknown[]) => unknown;
type Answered = (error: unknown, ...result: readonly unknown[]) => void;

/**
 * A client of `pg` whose statements end: one that takes longer than `limitMs` is cancelled, and the
 * session is cut off when no answer follows that either, as behind a proxy that has stopped
 * forwarding. It holds nothing in the server's session that a transaction does not end with where a
 * pooler may give each transaction another one.
 */
export class Session extends pg.Client {
  /** Milliseconds that each statement may take. */
  limitMs = FIRST_STATEMENTS_MS;
  /** When it last answered, in the time of `performance.now()`. */
  answeredAt = performance.now();
  /** It was cut off as it did not answer. */
  isSilent = false;
  /** A cancel request may still be on its way, or the server is lost: it serves nobody else. */
  isSpent = false;
  /** The server takes no writes, or not any more. */
  isReadOnly = false;
  /** PostgreSQL itself answers, and no pooler: what is set in the session stays. */
  isDirect = false;
  private readonly preparedStatements: PreparedStatements;
  private readonly isForReads: boolean;
  /** Has the next session ask another host. */
  private readonly passOver: () => void;
  /** Of each statement that is not answered yet, in their order, what starts its time. */
  private readonly turns: (() => void)[] = [];

  constructor(config: SessionConfig = {}) {
    const { hosts, isForReads = false } = config;
    const host = hosts?.current;
    super({
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      ...config,
      ...host,
      ...(hosts && hosts.all.length > 1 && { connectionTimeoutMillis: HOST_MS }),
    });
    this.isForReads = isForReads;
    this.passOver = () => host && hosts?.passOver(host);
    this.watchWrites();
    this.preparedStatements = config.preparedStatements;
    // A session may break between two statements: the next one reports it.
    this.on('error', () => undefined);
    const send = super.query.bind(this) as Send;
    this.query = ((...parameters: readonly unknown[]) =>
      this.bounded(send, parameters)) as pg.Client['query'];
  }

  /**
   * The time zone is UTC, as Prisma reads times with no regard to their offset and SQL that writes
   * JSON prints the session's. Poolers keep this one setting for each of their clients.
   */
  getStartupConf(): Readonly<Record<string, string>> {
    const { getStartupConf } = pg.Client.prototype as unknown as Inner;
    return { ...getStartupConf.call(this), TimeZone: 'UTC' };
  }

  /**
   * Sets the server's own limits where they stay.
   * @throws Error of a refused write where the server takes none
   * @throws StartError where a pooler does not keep the time zone
   */
  async prepare(): Promise<void> {
    const { id, zone, readOnly: on } = await backend(this);
    if (on) this.loseWrites();
    if (this.isReadOnly) throw readOnly();
    if (zone !== 'UTC')
      throw new StartError(
        `DATABASE_URL: its pooler does not keep the time zone that its clients ask for (UTC, and it is ${zone}). Let it keep TimeZone, or set it for the user: ALTER ROLE … SET timezone = 'UTC'.`,
      );
    this.isDirect = isOwn(this, id);
    if (this.isDirect) await this.query(set('SESSION'));
  }

  /** The pool fails a statement with what a session tells of itself, if that comes first. */
  override emit(event: string | symbol, ...told: unknown[]): boolean {
    return super.emit(event, ...(event === 'error' ? told.map(withoutSession) : told));
  }

  /** Has a host that cannot be reached passed over, and sees a server stop to take writes. */
  private watchWrites(): void {
    const connect = super.connect.bind(this);
    this.connect = ((answered?: (error: Error | null) => void) => {
      if (answered === undefined)
        return connect().catch((error: unknown) => {
          this.passOver();
          throw error;
        });
      connect((error: Error | null) => {
        if (error) this.passOver();
        answered(error);
      });
    }) as pg.Client['connect'];
    const told = this.connection as unknown as EventEmitter;
    told.on('parameterStatus', (status: ParameterStatus) => {
      const { parameterName, parameterValue } = status;
      if (TELL_READ_ONLY.includes(parameterName) && parameterValue === 'on') this.loseWrites();
    });
  }

  /** Takes note that the server takes no writes: the session serves nobody else. */
  loseWrites(): void {
    if (this.isForReads) return;
    this.passOver();
    this.isReadOnly = true;
    this.isSpent = true;
  }

  private get keepsNames(): boolean {
    return this.preparedStatements === undefined ? this.isDirect : this.preparedStatements === 'on';
  }

  private bounded(send: Send, [query, ...rest]: readonly unknown[]): unknown {
    const answered = rest.at(-1);
    const end = this.begin();
    if (typeof answered === 'function') {
      const before = rest.slice(0, -1);
      return send(this.shaped(query), ...before, (error: unknown, ...result: unknown[]) => {
        (answered as Answered)(end(error), ...result);
      });
    }
    return (send(this.shaped(query), ...rest) as Promise<unknown>).then(
      (answer) => {
        end(null);
        return answer;
      },
      (error: unknown) => {
        throw end(error);
      },
    );
  }

  /** A statement as it can be sent here. */
  private shaped(query: unknown): unknown {
    if (typeof query === 'string') return this.withLimits(query);
    const { name, text, ...others } = query as pg.QueryConfig;
    const isNamed = name !== undefined && this.keepsNames;
    return { ...others, text: this.withLimits(text), ...(isNamed && { name }) };
  }

  /** A transaction has the limits with it where the session has none. */
  private withLimits(text: string): string {
    return this.isDirect || !/^BEGIN\b[^;]*$/.test(text) ? text : `${text}; ${set('LOCAL')}`;
  }

  /**
   * Starts a statement's time once those before it are answered.
   * @returns what ends it, and gives what its caller is told of the failure
   */
  private begin(): (error: unknown) => unknown {
    let timers: NodeJS.Timeout[] = [];
    let isCancelled = false;
    const start = () => {
      const limit = setTimeout(() => {
        isCancelled = true;
        this.cancelStatement();
        timers.push(setTimeout(() => this.cutOff(), CANCEL_MS));
      }, this.limitMs);
      timers.push(limit);
    };
    this.turns.push(start);
    if (this.turns.length === 1) start();
    return (error) => {
      for (const timer of timers) clearTimeout(timer);
      timers = [];
      const [first] = this.turns;
      this.turns.splice(this.turns.indexOf(start), 1);
      if (first === start) this.turns[0]?.();
      const { code } = (error ?? {}) as { readonly code?: string };
      if (isCancelled && code !== CANCELLED) this.isSpent = true;
      if (code !== undefined && LOST.test(code)) this.isSpent = true;
      if (code === READ_ONLY) this.loseWrites();
      if (!this.isSilent) this.answeredAt = performance.now();
      if (!this.isLostBy(error)) return error;
      this.isSpent = true;
      // What is sent next, such as a ROLLBACK, is not to wait for an answer.
      this.destroy();
      return withoutSession(error);
    };
  }

  /** Whether a failure ended the session, or was caused by its end. */
  private isLostBy(error: unknown): boolean {
    if (!isObject(error)) return false;
    // One without a code is what `pg` makes of bytes that it cannot read.
    if (error instanceof pg.DatabaseError)
      return error.code === undefined || LAST_WORDS.includes(error.severity);
    const { _queryable, _ending } = this as unknown as Inner;
    return !_queryable || _ending || error.message === NOT_ANSWERED;
  }

  /** Asks for the end of the statement that runs, over a connection of its own as the protocol has it. */
  private cancelStatement(): void {
    const { processID, secretKey } = this as unknown as Inner;
    const request = Buffer.alloc(16);
    [request.length, CANCEL_CODE, processID, secretKey].forEach((value, index) => {
      request.writeInt32BE(value | 0, 4 * index);
    });
    const socket = this.host.startsWith('/')
      ? connect(join(this.host, `.s.PGSQL.${this.port}`))
      : connect(this.port, this.host);
    // It is for the other side to close: PgBouncer may end when it is closed on it meanwhile
    // (https://github.com/pgbouncer/pgbouncer/pull/846).
    socket
      .on('error', () => undefined)
      .setTimeout(CANCEL_CLOSE_MS, () => socket.destroy())
      .unref()
      .resume()
      .write(request);
  }

  private cutOff(): void {
    this.isSilent = true;
    this.destroy();
  }

  private destroy(): void {
    (this.connection as unknown as { readonly stream: { destroy(): void } }).stream.destroy();
  }
}

/** Whether a pooler answers, so that what a session holds may be another client's. */
export async function isPooled(client: pg.Client): Promise<boolean> {
  return !isOwn(client, (await backend(client)).id);
}

interface Backend {
  readonly id: number;
  readonly zone: string;
  readonly readOnly: boolean;
}

async function backend(client: pg.Client): Promise<Backend> {
  const { rows } = await client.query<Backend>(
    `SELECT pg_backend_pid() AS id, current_setting('TimeZone') AS zone,
       current_setting('transaction_read_only')::boolean AS "readOnly"`,
  );
  return rows[0] ?? { id: 0, zone: 'unknown', readOnly: false };
}

/** A pooler gives its clients process numbers of its own, as their sessions have none. */
function isOwn(client: pg.Client, backendId: number): boolean {
  return backendId === (client as unknown as Inner).processID;
}
