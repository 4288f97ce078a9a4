import { createHash } from 'node:crypto';
import { type Database, isExhausted, isPassing } from '../database/index.js';
import type { ProcessLease } from '../database/process-lease.js';
import type { SealedColumn } from '../database/sealed-column.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { Rendered } from './answer.js';
import type { Caller } from './caller.js';
import type { IdempotentAttempt } from './commit.js';
import {
  IdempotencyRepository,
  type IdempotencyRow,
  type Release,
} from './idempotency.repository.js';
import { invalidField, Problem, retryLater } from './problem.js';

const RETENTION_MS = 24 * 3_600_000;
const RETRY_AFTER_SECONDS = 1;
/** Of the large answers of one team, which are kept for a day. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
const ROOM_AFTER_SECONDS = 3_600;
const KEY_FORMAT = /^[\x21-\x7e]{1,255}$/;

/** A request that must take effect once, however often it is sent. */
interface OnceRequest {
  readonly caller: Caller;
  /** The `Idempotency-Key` header. */
  readonly key: string;
  readonly method: string;
  /** Path and query. */
  readonly address: string;
  readonly body: unknown;
}

/** How the work of a request ended. */
interface Outcome {
  readonly answer: Rendered;
  /** Whether it failed in a way that leaves open what was done; see `leavesOutcomeOpen`. */
  readonly isOpen: boolean;
}

/**
 * `Idempotency-Key` on POST, across replicas and restarts. A row is taken before the work begins;
 * the transaction of the effect puts the answer in (`Commit`). A process that dies leaves a row
 * that the next request under the key takes over, and so does one that cannot know what was done:
 * the database was lost in the middle, or a provider did not answer. Either the effect is there, and
 * with it the answer to replay; or it is not, and the work runs again: on our side for the first
 * time. What was asked of a provider before the transaction may have been done, and each request
 * handles that for itself:
 *
 * | asked of a provider | when it is asked again |
 * |---|---|
 * | verify a key, begin a connect flow, look at an account | it has no effect there |
 * | pause or resume an account | that it is so already counts as done |
 * | create an account | "already exists": ours when the provider dates it after the first attempt, 201; otherwise 409 that names it |
 * | complete a connect flow | the flow goes on where it was cut off; of a code that the provider had taken, with the one account it dates after the first attempt, otherwise 409 |
 * | send a webhook's test event | it is sent again, as deliveries are made at least once |
 */
export class Idempotency {
  private readonly rows: IdempotencyRepository;
  /** What lets go of rows that could not be let go of while the database was away, by row. */
  private readonly unreleased = new Map<string, () => Promise<void>>();

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
   * same request may try again under the key.
   * @throws Problem 422 `idempotency_mismatch` for another request under the key, 409
   * `idempotency_in_progress` while the first one runs
   */
  async once(
    request: OnceRequest,
    work: (attempt: IdempotentAttempt) => Promise<Outcome>,
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
    const { expiry } = taken;
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
      const { answer, isOpen } = await work({
        of: nameOf(row),
        begunBefore: taken.begunBefore,
        keep,
      });
      if (answer.status >= 500 || answer.status === 429)
        await this.release(row, expiry, isOpen || taken.begunBefore ? 'leave' : 'delete');
      else if (!isKept) await this.keepLast(row, expiry, answer, keep);
      return answer;
    } catch (error) {
      await this.release(row, expiry, 'leave');
      throw error;
    }
  }

  /** Deletes rows older than a day. */
  async expire(): Promise<void> {
    await this.rows.deleteExpired(this.clock.now());
  }

  /** Lets go of the rows that could not be let go of before. */
  async releaseLeft(): Promise<void> {
    for (const releaseNow of this.unreleased.values()) await releaseNow();
  }

  /** What is done is answered, even if the database has just gone: the first answer stays then. */
  private async keepLast(
    row: IdempotencyRow,
    expiry: Date,
    answer: Rendered,
    keep: IdempotentAttempt['keep'],
  ): Promise<void> {
    await keep(undefined, answer, true).catch(async (error: unknown) => {
      if (!isPassing(error)) throw error;
      await this.release(row, expiry, 'leave');
    });
  }

  /** Makes the row ours, or finds the answer in it. */
  private async take(
    row: IdempotencyRow,
    fingerprint: Buffer,
  ): Promise<{ answer: Rendered } | { begunBefore: Date | undefined; expiry: Date }> {
    await this.unreleased.get(boundTo(row))?.();
    await this.lease.renew();
    const { name } = this.lease;
    for (;;) {
      const now = this.clock.now();
      const expiry = new Date(now.getTime() + RETENTION_MS);
      const inserted = this.rows.insert(row, fingerprint, name, now, expiry);
      if (await this.orRelease(inserted, row, expiry, 'delete'))
        return { begunBefore: undefined, expiry };
      const found = await this.rows.find(row);
      // Released in between: try again.
      if (!found) continue;
      if (!found.fingerprint.equals(fingerprint)) throw mismatch();
      if (found.is_under_way) throw inProgress();
      if (found.answer !== null)
        return { answer: JSON.parse(this.sealer.open(found.answer, boundTo(row))) as Rendered };
      const taken = this.rows.takeOver(row, name, found.leased_by);
      if (await this.orRelease(taken, row, found.expires_at, 'leave'))
        return {
          begunBefore: new Date(found.expires_at.getTime() - RETENTION_MS),
          expiry: found.expires_at,
        };
    }
  }

  /** A row whose taking has no answer may be ours: it must not stay so. */
  private async orRelease(
    taken: Promise<boolean>,
    row: IdempotencyRow,
    expiry: Date,
    how: Release,
  ): Promise<boolean> {
    return taken.catch(async (error: unknown) => {
      await this.release(row, expiry, how);
      throw error;
    });
  }

  /**
   * Lets go of the row; an answer that it has is the last one. While the database is away or full
   * that waits for the next `releaseLeft`, or the next request under the key.
   * @param expiry distinguishes this attempt's row from that of a later one
   */
  private async release(row: IdempotencyRow, expiry: Date, how: Release): Promise<void> {
    const releaseNow = async () => {
      await this.rows.release(row, this.lease.name, expiry, how);
      if (this.unreleased.get(boundTo(row)) === releaseNow) this.unreleased.delete(boundTo(row));
    };
    this.unreleased.set(boundTo(row), releaseNow);
    await releaseNow().catch((error: unknown) => {
      if (!isPassing(error) && !isExhausted(error)) throw error;
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

/** The key itself is the caller's, and is stored nowhere else. */
function nameOf(row: IdempotencyRow): string {
  return createHash('sha256').update(boundTo(row)).digest('base64url');
}

function boundTo(row: readonly string[]): string {
  return `idempotency\n${row.join('\n')}`;
}
