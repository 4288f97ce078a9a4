import { createHash } from 'node:crypto';
import { type Database, isExhausted, isUnreachable } from '../database/index.js';
import type { ProcessLease } from '../database/process-lease.js';
import type { SealedColumn } from '../database/sealed-column.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { Rendered } from './answer.js';
import type { Caller } from './caller.js';
import type { IdempotentAttempt } from './commit.js';
import { IdempotencyRepository, type IdempotencyRow } from './idempotency.repository.js';
import { invalidField, Problem, retryLater } from './problem.js';

const RETENTION_MS = 24 * 3_600_000;
const RETRY_AFTER_SECONDS = 1;
/** Of the large answers of one team, which are kept for a day. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
const ROOM_AFTER_SECONDS = 3_600;
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
 * asked of a provider before the transaction may have been done, and each request handles that for
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
  private readonly rows: IdempotencyRepository;
  private readonly unreleased = new Set<() => Promise<void>>();

  constructor(
    database: Database,
    private readonly lease: ProcessLease,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {
    this.rows = new IdempotencyRepository(database);
  }

  /**
   * Does `work` unless it was done before. An answer of 500 and above, or of 429, is not kept: the
   * same key may try again.
   * @throws Problem 422 `idempotency_mismatch` for another request under the key, 409
   * `idempotency_in_progress` while the first one runs
   */
  async once(
    request: OnceRequest,
    work: (attempt: IdempotentAttempt) => Promise<Rendered>,
  ): Promise<Rendered> {
    if (!KEY_FORMAT.test(request.key))
      throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters');
    const { teamId, key } = request.caller;
    const row: IdempotencyRow = [teamId, key.id, request.key];
    const taken = await this.take(row, fingerprintOf(request));
    if ('answer' in taken)
      return {
        ...taken.answer,
        headers: { ...taken.answer.headers, 'Idempotency-Replayed': 'true' },
      };
    let isKept = false;
    const keep: IdempotentAttempt['keep'] = async (client, answer, isLast) => {
      const sealed = this.sealer.seal(JSON.stringify(answer), boundTo(row));
      // An effect whose answer finds no room does not happen.
      if (client && (await this.rows.largeAnswerBytes(client, teamId)) > MAX_KEPT_BYTES)
        throw noRoom();
      const isOurs = await this.rows.saveAnswer(client, row, this.lease.name, sealed, !isLast);
      // Taken over while this process had no session: the process that took it has the effect.
      if (!isOurs) throw inProgress();
      isKept = isLast;
    };
    try {
      const answer = await work({ begunBefore: taken.begunBefore, keep });
      if (answer.status >= 500 || answer.status === 429) await this.release(row, taken.expiry);
      else if (!isKept) await keep(undefined, answer, true);
      return answer;
    } catch (error) {
      await this.release(row, taken.expiry);
      throw error;
    }
  }

  /** Deletes rows older than a day, and releases those that could not be released before. */
  async expire(): Promise<void> {
    for (const releaseNow of this.unreleased) await releaseNow();
    await this.rows.deleteExpired(this.clock.now());
  }

  /** Makes the row ours, or finds the answer in it. */
  private async take(
    row: IdempotencyRow,
    fingerprint: Buffer,
  ): Promise<{ answer: Rendered } | { begunBefore: Date | undefined; expiry: Date }> {
    await this.lease.renew();
    const { name } = this.lease;
    for (;;) {
      const now = this.clock.now();
      const expiry = new Date(now.getTime() + RETENTION_MS);
      if (await this.rows.insert(row, fingerprint, name, now, expiry))
        return { begunBefore: undefined, expiry };
      const found = await this.rows.find(row);
      // Released in between: try again.
      if (!found) continue;
      if (!found.fingerprint.equals(fingerprint)) throw mismatch();
      if (found.is_under_way) throw inProgress();
      if (found.answer !== null)
        return { answer: JSON.parse(this.sealer.open(found.answer, boundTo(row))) as Rendered };
      if (await this.rows.takeOver(row, name, found.leased_by))
        return {
          begunBefore: new Date(found.expires_at.getTime() - RETENTION_MS),
          expiry: found.expires_at,
        };
    }
  }

  /**
   * Nothing was done: the row goes. Something was, and the wait for its end failed: the answer it
   * has is the last one. While the database is away or full it waits for the next `expire`.
   * @param expiry distinguishes this attempt's row from that of a later one
   */
  private async release(row: IdempotencyRow, expiry: Date): Promise<void> {
    const releaseNow = async () => {
      await this.rows.release(row, this.lease.name, expiry);
      this.unreleased.delete(releaseNow);
    };
    this.unreleased.add(releaseNow);
    await releaseNow().catch((error: unknown) => {
      if (!isUnreachable(error) && !isExhausted(error)) throw error;
    });
  }
}

function mismatch(): Problem {
  return new Problem(
    'idempotency_mismatch',
    'This Idempotency-Key was already used with another request. Use a new key for a new request.',
  );
}

function noRoom(): Problem {
  const what = `The responses kept for the team's Idempotency-Keys exceed ${MAX_KEPT_BYTES / 1024 ** 2} MiB. Nothing was done; send large requests such as dry runs without a key.`;
  return retryLater('rate_limited', what, ROOM_AFTER_SECONDS);
}

function inProgress(): Problem {
  const what = 'The first request with this Idempotency-Key is still running.';
  return retryLater('idempotency_in_progress', what, RETRY_AFTER_SECONDS);
}

function fingerprintOf({ method, address, body }: OnceRequest): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([method, address, body]))
    .digest();
}

/** The answers that are kept to be replayed. */
export const SEALED_ANSWERS: SealedColumn = {
  table: 'idempotency_keys',
  key: ['team_id', 'key_id', 'key'],
  column: 'answer',
  boundTo,
};

function boundTo(row: readonly string[]): string {
  return `idempotency\n${row.join('\n')}`;
}
