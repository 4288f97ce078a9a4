import { createHash } from 'node:crypto';
import { type Database, isUnreachable } from '../database/index.js';
import { leaseHolderIsGone, type ProcessLease } from '../database/process-lease.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { Rendered } from './answer.js';
import type { Caller } from './caller.js';
import type { IdempotentAttempt } from './commit.js';
import { invalidField, Problem } from './problem.js';

const RETENTION_MS = 24 * 3_600_000;
const RETRY_AFTER_SECONDS = 1;
const KEY_FORMAT = /^[\x21-\x7e]{1,255}$/;

/** A request that must take effect once, however often it is sent. */
export interface OnceRequest {
  readonly caller: Caller;
  /** The `Idempotency-Key` header. */
  readonly key: string;
  readonly method: string;
  /** Path and query. */
  readonly address: string;
  readonly body: unknown;
}

/**
 * `Idempotency-Key` on POST, across replicas and restarts. A row is taken before the work begins;
 * the transaction of the effect puts the answer in (`Commit`). A process that dies leaves a row
 * that the next request under the key takes over. Either the effect is there, and with it the
 * answer to replay; or it is not, and the work runs again: on our side for the first time. What was
 * asked of a provider before the transaction may have been done, and each request settles that for
 * itself:
 *
 * | asked of a provider | when it is asked again |
 * |---|---|
 * | verify a key, begin a connect flow, look at an account | it has no effect there |
 * | pause or resume an account | that it is so already counts as done |
 * | create an account | "already exists": ours when the provider dates it after the first attempt, 201; otherwise 409 that names it |
 * | complete a connect flow | its state is good for once: 422; the next sweep lists the account if it was connected |
 * | send a webhook's test event | it is sent again, as deliveries are made at least once |
 */
export class Idempotency {
  private readonly unreleased = new Set<() => Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly lease: ProcessLease,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  /**
   * Does `work` unless it was done before. An answer of 500 and above is not kept: the same key may
   * try again.
   * @throws Problem 422 `idempotency_mismatch` for another request under the key, 409
   * `idempotency_in_progress` while the first one runs
   */
  async once(
    request: OnceRequest,
    work: (attempt: IdempotentAttempt) => Promise<Rendered>,
  ): Promise<Rendered> {
    if (!KEY_FORMAT.test(request.key))
      throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters');
    const row = [request.caller.teamId, request.caller.key.id, request.key];
    const taken = await this.take(row, fingerprintOf(request));
    if ('answer' in taken)
      return {
        ...taken.answer,
        headers: { ...taken.answer.headers, 'Idempotency-Replayed': 'true' },
      };
    let isSettled = false;
    const keep: IdempotentAttempt['keep'] = async (client, answer, isLast) => {
      const sealed = this.sealer.seal(JSON.stringify(answer), boundTo(row));
      const { rowCount } = await client.query(KEEP, [...row, sealed, this.lease.name, !isLast]);
      // Taken over while this process had no session: the process that took it has the effect.
      if (rowCount === 0) throw inProgress();
      isSettled = isLast;
    };
    try {
      const answer = await work({ begunBefore: taken.begunBefore, keep });
      if (answer.status >= 500) await this.release(row, taken.expiry);
      else if (!isSettled) await keep(this.database.pool, answer, true);
      return answer;
    } catch (error) {
      await this.release(row, taken.expiry);
      throw error;
    }
  }

  /** Deletes rows older than a day, and releases those that could not be released before. */
  async expire(): Promise<void> {
    for (const giveBack of this.unreleased) await giveBack();
    await this.database.pool.query('DELETE FROM idempotency_keys WHERE expires_at <= $1', [
      this.clock.now(),
    ]);
  }

  /** Makes the row ours, or finds the answer in it. */
  private async take(
    row: readonly string[],
    fingerprint: Buffer,
  ): Promise<{ answer: Rendered } | { begunBefore: Date | undefined; expiry: Date }> {
    await this.lease.renew();
    const { name } = this.lease;
    for (;;) {
      const now = this.clock.now();
      const expiry = new Date(now.getTime() + RETENTION_MS);
      const taken = await this.database.pool.query(TAKE, [...row, fingerprint, name, now, expiry]);
      if (taken.rowCount === 1) return { begunBefore: undefined, expiry };
      const { rows } = await this.database.pool.query<FoundRow>(LOOK, [...row]);
      const [found] = rows;
      // Given back in between: try again.
      if (!found) continue;
      if (!found.fingerprint.equals(fingerprint)) throw mismatch();
      if (found.is_under_way) throw inProgress();
      if (found.answer !== null)
        return { answer: JSON.parse(this.sealer.open(found.answer, boundTo(row))) as Rendered };
      const takenOver = await this.database.pool.query(TAKE_OVER, [...row, name, found.held_by]);
      if (takenOver.rowCount === 1)
        return {
          begunBefore: new Date(found.expires_at.getTime() - RETENTION_MS),
          expiry: found.expires_at,
        };
    }
  }

  /**
   * Nothing was done: the row goes. Something was, and the wait for its end failed: the answer it
   * has is the last one. While the database is away it waits for the next `expire`.
   * @param expiry distinguishes this attempt's row from that of a later one
   */
  private async release(row: readonly string[], expiry: Date): Promise<void> {
    const giveBack = async () => {
      await this.database.pool.query(DROP, [...row, this.lease.name, expiry]);
      await this.database.pool.query(SETTLE, [...row, this.lease.name, expiry]);
      this.unreleased.delete(giveBack);
    };
    this.unreleased.add(giveBack);
    await giveBack().catch((error: unknown) => {
      if (!isUnreachable(error)) throw error;
    });
  }
}

interface FoundRow {
  readonly fingerprint: Buffer;
  readonly answer: Buffer | null;
  readonly held_by: string;
  readonly expires_at: Date;
  readonly is_under_way: boolean;
}

const OF_ROW = 'team_id = $1 AND key_id = $2 AND key = $3';

/** Takes a row that is not there or is too old. */
const TAKE = `
  INSERT INTO idempotency_keys AS k (team_id, key_id, key, fingerprint, held_by, expires_at) VALUES ($1, $2, $3, $4, $5, $7)
  ON CONFLICT (team_id, key_id, key) DO UPDATE
    SET fingerprint = EXCLUDED.fingerprint, held_by = EXCLUDED.held_by, answer = NULL, provisional = FALSE, expires_at = EXCLUDED.expires_at
    WHERE k.expires_at <= $6`;
const LOOK = `
  SELECT fingerprint, answer, held_by, expires_at, (answer IS NULL OR provisional) AND NOT (${leaseHolderIsGone('held_by')}) AS is_under_way
  FROM idempotency_keys WHERE ${OF_ROW}`;
/** Of several that find a dead process's row, one. */
const TAKE_OVER = `UPDATE idempotency_keys SET held_by = $4 WHERE ${OF_ROW} AND held_by = $5 AND answer IS NULL`;
const KEEP = `UPDATE idempotency_keys SET answer = $4, provisional = $6 WHERE ${OF_ROW} AND held_by = $5`;
const DROP = `DELETE FROM idempotency_keys WHERE ${OF_ROW} AND held_by = $4 AND expires_at = $5 AND answer IS NULL`;
const SETTLE = `UPDATE idempotency_keys SET provisional = FALSE WHERE ${OF_ROW} AND held_by = $4 AND expires_at = $5 AND provisional`;

function mismatch(): Problem {
  return new Problem(
    'idempotency_mismatch',
    'This Idempotency-Key was already used with another request. Use a new key for a new request.',
  );
}

function inProgress(): Problem {
  const detail =
    'The first request with this Idempotency-Key is still running. Try again after the seconds given in Retry-After.';
  const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS) };
  return new Problem(
    'idempotency_in_progress',
    detail,
    { retry_after: RETRY_AFTER_SECONDS },
    headers,
  );
}

function fingerprintOf({ method, address, body }: OnceRequest): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([method, address, body]))
    .digest();
}

function boundTo(row: readonly string[]): string {
  return `idempotency\n${row.join('\n')}`;
}
