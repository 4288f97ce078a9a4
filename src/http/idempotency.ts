import { createHash } from 'node:crypto';
import type { Database } from '../database/index.js';
import { holderIsGone, type Presence } from '../database/presence.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { Caller } from '../teams/caller.js';
import { invalidField, Problem } from './problem.js';
import type { Rendered } from './render.js';

const KEPT_HOURS = 24;
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

/** Runs SQL with `$1` … within a transaction, on a client of the pool or in Prisma's. @returns how many rows it changed */
export type Execute = (sql: string, ...values: unknown[]) => Promise<number>;

/** Stores the answer within the transaction of the effect, so that neither is there without the other. */
export type KeepAnswer = (execute: Execute, answer: Rendered) => Promise<void>;

/**
 * `Idempotency-Key` on POST, across replicas and restarts. A row is taken before the work begins and holds the answer when it is done.
 * The row of a process that died is free to be taken over: what runs in one transaction with `keep` was then not done; what asks a
 * provider may have been, and runs again as it would without a key.
 */
export class Idempotency {
  constructor(
    private readonly database: Database,
    private readonly presence: Presence,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  /**
   * Does `work` unless it was done before. An answer of 500 and above is not kept: the same key may try again.
   * @throws Problem 422 `idempotency_mismatch` for another request under the key, 409 `idempotency_in_progress` while the first one runs
   */
  async once(request: OnceRequest, work: (keep: KeepAnswer) => Promise<Rendered>): Promise<Rendered> {
    if (!KEY_FORMAT.test(request.key)) throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters');
    const row = [request.caller.teamId, request.caller.key.id, request.key];
    const kept = await this.take(row, fingerprintOf(request));
    if (kept) return { ...kept, headers: { ...kept.headers, 'Idempotency-Replayed': 'true' } };
    let isKept = false;
    const keep: KeepAnswer = async (execute, answer) => {
      const sealed = this.sealer.seal(JSON.stringify(answer), boundTo(row));
      const changed = await execute(KEEP, ...row, sealed, this.presence.name);
      // Taken over while the database held us for dead: the one that has it now answers for the effect.
      if (changed === 0) throw inProgress();
      isKept = true;
    };
    const execute: Execute = async (sql, ...values) => (await this.database.pool.query(sql, values)).rowCount ?? 0;
    try {
      const answer = await work(keep);
      if (answer.status >= 500) await this.release(row);
      else if (!isKept) await keep(execute, answer);
      return answer;
    } catch (error) {
      await this.release(row);
      throw error;
    }
  }

  /** Forgets what is older than a day. */
  async expire(): Promise<void> {
    await this.database.pool.query('DELETE FROM idempotency_keys WHERE expires_at <= $1', [this.clock.now()]);
  }

  /** @returns the answer that was kept; `undefined` when the row is ours now and the work to be done */
  private async take(row: readonly string[], fingerprint: Buffer): Promise<Rendered | undefined> {
    await this.presence.keep();
    const now = this.clock.now();
    for (;;) {
      const taken = await this.database.pool.query(TAKE, [...row, fingerprint, this.presence.name, now, expiryOf(now)]);
      if (taken.rowCount === 1) return undefined;
      const { rows } = await this.database.pool.query<{ fingerprint: Buffer; answer: Buffer | null }>(LOOK, [...row]);
      const [found] = rows;
      // Given back in between: try again.
      if (!found) continue;
      if (!found.fingerprint.equals(fingerprint)) {
        throw new Problem(
          'idempotency_mismatch',
          'This Idempotency-Key came with another request before. Use a new key for a new request.',
        );
      }
      if (found.answer === null) throw inProgress();
      return JSON.parse(this.sealer.open(found.answer, boundTo(row))) as Rendered;
    }
  }

  private async release(row: readonly string[]): Promise<void> {
    const sql = 'DELETE FROM idempotency_keys WHERE team_id = $1 AND key_id = $2 AND key = $3 AND held_by = $4 AND answer IS NULL';
    await this.database.pool.query(sql, [...row, this.presence.name]);
  }
}

/** Takes a row that is not there, is too old, or was left by a dead process in the middle of this very request. */
const TAKE = `
  INSERT INTO idempotency_keys AS k (team_id, key_id, key, fingerprint, held_by, expires_at) VALUES ($1, $2, $3, $4, $5, $7)
  ON CONFLICT (team_id, key_id, key) DO UPDATE
    SET fingerprint = EXCLUDED.fingerprint, held_by = EXCLUDED.held_by, answer = NULL, expires_at = EXCLUDED.expires_at
    WHERE k.expires_at <= $6 OR (k.answer IS NULL AND k.fingerprint = EXCLUDED.fingerprint AND ${holderIsGone('k.held_by')})`;
const KEEP = 'UPDATE idempotency_keys SET answer = $4 WHERE team_id = $1 AND key_id = $2 AND key = $3 AND held_by = $5';
const LOOK = 'SELECT fingerprint, answer FROM idempotency_keys WHERE team_id = $1 AND key_id = $2 AND key = $3';

function inProgress(): Problem {
  const detail = 'The first request with this Idempotency-Key is still running. Wait as Retry-After says and send it again.';
  const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS) };
  return new Problem('idempotency_in_progress', detail, { retry_after: RETRY_AFTER_SECONDS }, headers);
}

function fingerprintOf({ method, address, body }: OnceRequest): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([method, address, body]))
    .digest();
}

function expiryOf(now: Date): Date {
  return new Date(now.getTime() + KEPT_HOURS * 3_600_000);
}

function boundTo(row: readonly string[]): string {
  return `idempotency\n${row.join('\n')}`;
}
