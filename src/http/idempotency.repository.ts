import type pg from 'pg';
import type { Database } from '../database/index.js';
import { leaseHolderIsGone } from '../database/process-lease.js';

/** Whose key names a request: [team id, API key id, Idempotency-Key]. */
export type IdempotencyRow = readonly [teamId: string, keyId: string, key: string];

/** A request that was made under a key before. */
interface FoundRequest {
  readonly fingerprint: Buffer;
  /** Sealed. */
  readonly answer: Buffer | null;
  readonly leased_by: string;
  readonly expires_at: Date;
  /** Whether a process that lives is at work on it. */
  readonly is_under_way: boolean;
}

/**
 * What happens to a row without an answer: if nothing was done, it is deleted; if something may
 * have been done, the next request with its key learns when that began.
 */
export type Release = 'delete' | 'leave';

/** Holds rows that nobody works on: no process is called so. */
const NOBODY = 'nobody';

/** What counts as a large answer: in the words of the index. */
const IS_LARGE = 'octet_length(answer) > 4096';

const OF_ROW = 'team_id = $1 AND key_id = $2 AND key = $3';

/** The rows of requests with an Idempotency-Key, each leased to the process at work on it. */
export class IdempotencyRepository {
  constructor(private readonly database: Database) {}

  /** Makes a row that is not there or has expired. @returns whether it was made */
  async insert(
    row: IdempotencyRow,
    fingerprint: Buffer,
    leasedBy: string,
    now: Date,
    expiry: Date,
  ): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      `INSERT INTO idempotency_keys AS k (team_id, key_id, key, fingerprint, leased_by, expires_at)
       VALUES ($1, $2, $3, $4, $5, $7)
       ON CONFLICT (team_id, key_id, key) DO UPDATE
         SET fingerprint = EXCLUDED.fingerprint, leased_by = EXCLUDED.leased_by, answer = NULL,
           provisional = FALSE, expires_at = EXCLUDED.expires_at
         WHERE k.expires_at <= $6`,
      [...row, fingerprint, leasedBy, now, expiry],
    );
    return rowCount === 1;
  }

  async find(row: IdempotencyRow): Promise<FoundRequest | undefined> {
    const { rows } = await this.database.pool.query<FoundRequest>(
      `SELECT fingerprint, answer, leased_by, expires_at,
         (answer IS NULL OR provisional) AND NOT (${leaseHolderIsGone('leased_by')}) AS is_under_way
       FROM idempotency_keys WHERE ${OF_ROW}`,
      [...row],
    );
    return rows[0];
  }

  /** Leases a row without an answer. @returns whether nobody else did meanwhile */
  async takeOver(row: IdempotencyRow, leasedBy: string, former: string): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      `UPDATE idempotency_keys SET leased_by = $4
       WHERE ${OF_ROW} AND leased_by = $5 AND answer IS NULL`,
      [...row, leasedBy, former],
    );
    return rowCount === 1;
  }

  /**
   * @param client within the transaction of the effect; `undefined`: in one of its own
   * @param provisional whether a better answer is to come
   * @returns whether the row was still leased
   */
  async saveAnswer(
    client: pg.ClientBase | undefined,
    row: IdempotencyRow,
    leasedBy: string,
    answer: Uint8Array,
    provisional: boolean,
  ): Promise<boolean> {
    const { rowCount } = await (client ?? this.database.pool).query(
      `UPDATE idempotency_keys SET answer = $4, provisional = $6
       WHERE ${OF_ROW} AND leased_by = $5`,
      [...row, answer, leasedBy, provisional],
    );
    return rowCount === 1;
  }

  /** Bytes of the large answers of a team. @param client within the transaction that adds one */
  async largeAnswerBytes(client: pg.ClientBase, teamId: string): Promise<number> {
    const { rows } = await client.query<{ bytes: string }>(
      `SELECT coalesce(sum(octet_length(answer)), 0) AS bytes FROM idempotency_keys
       WHERE team_id = $1 AND ${IS_LARGE}`,
      [teamId],
    );
    return Number(rows[0]?.bytes ?? 0);
  }

  /**
   * Lets go of a row; an answer that it has is the last one.
   * @param expiry distinguishes this attempt's row from that of a later one
   */
  async release(row: IdempotencyRow, leasedBy: string, expiry: Date, how: Release): Promise<void> {
    const { pool } = this.database;
    const values = [...row, leasedBy, expiry];
    const ofAttempt = `${OF_ROW} AND leased_by = $4 AND expires_at = $5`;
    await pool.query(
      `UPDATE idempotency_keys SET provisional = FALSE WHERE ${ofAttempt} AND provisional`,
      values,
    );
    if (how === 'delete')
      await pool.query(
        `DELETE FROM idempotency_keys WHERE ${ofAttempt} AND answer IS NULL`,
        values,
      );
    else
      await pool.query(
        `UPDATE idempotency_keys SET leased_by = '${NOBODY}' WHERE ${ofAttempt} AND answer IS NULL`,
        values,
      );
  }

  async deleteExpired(now: Date): Promise<void> {
    await this.database.pool.query('DELETE FROM idempotency_keys WHERE expires_at <= $1', [now]);
  }
}
