import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './client.js';
import { FormerPresence } from './former-presence.js';
import { inBackground } from './query-slots.js';

/** How long a process counts as alive after it last said so. Longer than it asks a provider for. */
const LEASE_MS = 20_000;
const LEASE = `interval '${LEASE_MS} milliseconds'`;
/** How often it says so. */
const BEAT_MS = 2_500;
/** It has said so this lately before it begins what no other may do at the same time. */
const FRESH_MS = 2 * BEAT_MS;
const ASK_AGAIN_MS = 20;
/** Rows of processes that are gone are kept for as long as a database may be away. */
const FORGET = `DELETE FROM gateway_processes WHERE expires_at < now() - interval '7 days'`;

/**
 * A valid row. A row that is valid for longer than the lease allows comes from a server with
 * another clock.
 */
const isGood = (row: string) => `${row}.expires_at BETWEEN now() AND now() + ${LEASE}`;

const BEAT = `INSERT INTO gateway_processes AS p (name, alive_since, expires_at)
  VALUES ($1, now(), now() + ${LEASE})
  ON CONFLICT (name) DO UPDATE SET expires_at = now() + ${LEASE},
    alive_since = CASE WHEN ${isGood('p')} THEN p.alive_since ELSE now() END`;

/**
 * Shows the other replicas that this process lives: a row with its name, good for `LEASE_MS`, that is
 * written anew all the time over the connection that watches the database. Work leased by a name
 * without a good row is free to be taken over.
 */
export class ProcessLease {
  /** This process's name in the database. */
  readonly name: string;
  private readonly presence: FormerPresence;
  /** When its row was last written, in the time of `performance.now()`. */
  private writtenAt = Number.NEGATIVE_INFINITY;
  private beats: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;
  /** Locks that could not be given back. */
  private readonly unreleased = new Set<string>();

  /** @param more what the others should know of this process: 18 letters at most */
  constructor(
    private readonly database: Database,
    more = '',
  ) {
    this.name = `rollcall ${randomUUID()} ${more}`.trimEnd();
    this.presence = new FormerPresence(database.pool, this.name);
  }

  /**
   * Makes sure that the row is good for longer than any provider is asked.
   * @throws when the database does not take it
   */
  async renew(): Promise<void> {
    this.beats ??= setInterval(() => this.beat().catch(() => undefined), BEAT_MS).unref();
    if (performance.now() - this.writtenAt > FRESH_MS) await this.beat();
  }

  /**
   * Runs `work` while no other process holds `name`, and waits its turn. Within this process the
   * caller sees to it that one name is asked for once at a time.
   */
  async withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    await this.renew();
    while (!(await this.take(name))) await sleep(ASK_AGAIN_MS);
    try {
      return await work();
    } finally {
      await this.give(name);
    }
  }

  /** The others need not wait until the row runs out. */
  async end(): Promise<void> {
    clearInterval(this.beats);
    this.presence.end();
    await this.beating?.catch(() => undefined);
    if (this.writtenAt === Number.NEGATIVE_INFINITY) return;
    await this.database.reachability
      .query('DELETE FROM gateway_processes WHERE name = $1', [this.name])
      .catch(() => undefined);
  }

  private beat(): Promise<void> {
    this.beating ??= this.write().finally(() => {
      this.beating = undefined;
    });
    return this.beating;
  }

  private async write(): Promise<void> {
    const { reachability } = this.database;
    const askedAt = performance.now();
    const isFirst = this.writtenAt === Number.NEGATIVE_INFINITY;
    const shown = inBackground(() => this.presence.show());
    if (isFirst) await Promise.all([shown, reachability.query(FORGET, [])]);
    else shown.catch(() => undefined);
    await reachability.query(BEAT, [this.name]);
    this.writtenAt = askedAt;
    for (const name of this.unreleased) await this.give(name);
  }

  private async take(name: string): Promise<boolean> {
    const { rowCount } = await this.database.pool
      .query(
        `INSERT INTO gateway_locks (name, holder) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET holder = $2
         WHERE ${leaseHolderIsGone('gateway_locks.holder', { table: 'gateway_locks', key: 'name' })}`,
        [name, this.name],
      )
      .catch((error: unknown) => {
        // It may be ours, and nothing is done under it.
        this.unreleased.add(name);
        throw error;
      });
    if (rowCount === 0) return false;
    this.unreleased.delete(name);
    if (await this.presence.lock(name)) return true;
    await this.give(name);
    return false;
  }

  private async give(name: string): Promise<void> {
    this.unreleased.add(name);
    await this.presence.unlock(name);
    await this.database.pool
      .query('DELETE FROM gateway_locks WHERE name = $1 AND holder = $2', [name, this.name])
      .then(
        () => this.unreleased.delete(name),
        () => false,
      );
  }
}

/**
 * A process that was taken for gone might do twice what another one does again. So one whose row ran
 * out is gone only if the database took such rows all the while: if another process has been alive
 * for as long as a row is good. After an outage each has that time to come back.
 */
const NAMES_THAT_LIVE = `SELECT p.name FROM gateway_processes p WHERE ${isGood('p')}
    OR NOT EXISTS (SELECT FROM gateway_processes o
      WHERE ${isGood('o')} AND o.alive_since <= now() - ${LEASE})
  UNION ALL SELECT p.application_name FROM pg_stat_activity p`;

/**
 * SQL: whether the process named in `column` is gone. The list of living processes is read
 * once a statement, so it lacks those that begin later. A row that the statement reads and then
 * locks may have been leased to one of them in between: it is gone only if it held the row when the
 * statement began.
 *
 * @param locked the table of the column, and the column that tells its rows apart, where its rows
 * are read and locked in one statement
 */
export function leaseHolderIsGone(
  column: string,
  locked?: { readonly table: string; readonly key: string },
): string {
  const isUnlisted = `NOT (${column} = ANY (ARRAY(${NAMES_THAT_LIVE})))`;
  if (locked === undefined) return isUnlisted;
  const { table, key } = locked;
  const name = column.split('.').at(-1);
  // A subquery sees the row as it was when the statement began.
  return `(${isUnlisted} AND ${column} =
    (SELECT seen.${name} FROM ${table} seen WHERE seen.${key} = ${table}.${key}))`;
}

/** SQL: the names of the processes that live. */
export const LIVING_PROCESSES = `SELECT p.name FROM gateway_processes p WHERE ${isGood('p')}
  UNION SELECT application_name FROM pg_stat_activity WHERE datname = current_database()`;
