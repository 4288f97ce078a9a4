import type pg from 'pg';
import { type Database, inBackground } from '../database/index.js';

/** Replicas' clocks may differ by so much. */
const MAX_SKEW_MS = 5_000;

/** What a replica asks of a key's limit. Times in milliseconds, `now` since 1970. */
interface LeaseRequest {
  readonly id: string;
  readonly replica: string;
  readonly now: number;
  /** How many requests it wants to send; 0: it only says that it is there. */
  readonly wanted: number;
  /** How many it was granted before and did not send. */
  readonly unused: number;
  /** One request each. */
  readonly requestMs: number;
  /** How far ahead of time requests may be sent. */
  readonly burstMs: number;
  /** How long the others count it. */
  readonly seenMs: number;
}

/** What it got. */
export interface Lease {
  readonly granted: number;
  /** Until when, in milliseconds since 1970, requests at the limit's rate are used up. */
  readonly usedUntil: number;
  /** Nothing is sent before; 0: the provider has asked for no pause. */
  readonly pausedUntil: number;
  /** The other replicas that use the key. */
  readonly others: readonly string[];
}

/**
 * What replicas share of providers' limits, by key. A limit is one row: the time until which requests
 * at its rate are used up, at most a burst ahead of now. Taking some moves that time on, in one
 * statement that needs no session of its own; time itself gives back what a dead replica had taken.
 */
export class SharedLimitsRepository {
  constructor(private readonly database: Database) {}

  /** Has the other replicas count this one. */
  async join(id: string, replica: string, seenUntil: number): Promise<void> {
    await this.query(
      `INSERT INTO provider_limit_users (limit_id, replica, seen_until) VALUES ($1, $2, $3)
       ON CONFLICT (limit_id, replica) DO UPDATE SET seen_until = EXCLUDED.seen_until`,
      [id, replica, seenUntil],
    );
  }

  async lease(request: LeaseRequest): Promise<Lease> {
    const { id, replica, now, wanted, unused, requestMs, burstMs, seenMs } = request;
    // A clock that is far ahead of ours has written a time that would stop us until ours gets there.
    const used = `CASE WHEN l.used_until > $3::float8 + $7::float8 + ${MAX_SKEW_MS} THEN $3::float8
      ELSE GREATEST(l.used_until - $5::float8 * $6::float8, $3::float8) END`;
    // All or nothing: a few at a time would take a statement for each.
    const granted = `CASE WHEN ${used} + $4::int * $6::float8 <= $3::float8 + $7::float8
      THEN $4::int ELSE 0 END`;
    const rows = await this.query<Lease>(
      `WITH seen AS (
         INSERT INTO provider_limit_users (limit_id, replica, seen_until)
         VALUES ($1, $2, $3::float8 + $8::float8)
         ON CONFLICT (limit_id, replica) DO UPDATE SET seen_until = EXCLUDED.seen_until),
       taken AS (
         INSERT INTO provider_limits AS l (id, used_until, last_granted, paused_until)
         VALUES ($1, $3::float8 + $4::int * $6::float8, $4::int, 0)
         ON CONFLICT (id) DO UPDATE
           SET last_granted = ${granted}, used_until = ${used} + ${granted} * $6::float8
         RETURNING last_granted, used_until, paused_until)
       SELECT last_granted AS granted, used_until AS "usedUntil", paused_until AS "pausedUntil",
         ARRAY(SELECT u.replica FROM provider_limit_users u
           WHERE u.limit_id = $1 AND u.replica <> $2 AND u.seen_until > $3::float8) AS others
       FROM taken`,
      [id, replica, now, wanted, unused, requestMs, burstMs, seenMs],
    );
    const [lease] = rows;
    if (lease === undefined) throw new Error('a limit was not leased');
    return lease;
  }

  /** Gives back what was granted and not sent. */
  async giveBack(id: string, unusedMs: number): Promise<void> {
    await this.query('UPDATE provider_limits SET used_until = used_until - $2 WHERE id = $1', [
      id,
      unusedMs,
    ]);
  }

  /** @param until milliseconds since 1970 */
  async pause(id: string, until: number): Promise<void> {
    await this.query(
      'UPDATE provider_limits SET paused_until = GREATEST(paused_until, $2) WHERE id = $1',
      [id, until],
    );
  }

  /** Deletes what says no more than its absence does. */
  async deleteExpired(now: number): Promise<void> {
    await this.query('DELETE FROM provider_limit_users WHERE seen_until < $1', [now]);
    await this.query('DELETE FROM provider_limits WHERE GREATEST(used_until, paused_until) < $1', [
      now,
    ]);
  }

  /** No part of what the request's team may ask of the database. */
  private query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]) {
    return inBackground(async () => (await this.database.pool.query<Row>(text, [...values])).rows);
  }
}
