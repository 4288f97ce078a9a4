import type { Database } from '../database/index.js';

/** How many requests a key made in one slice of its window. */
export interface RateCount {
  readonly keyId: string;
  /** Slices of the key's window since 1970. */
  readonly slice: number;
  readonly count: number;
}

/** Where counts of a key stand that a clock set back has left in its future. */
interface SlicesAhead {
  readonly keyId: string;
  readonly from: number;
  readonly to: number;
  readonly expiresAt: Date;
}

/** The counts that replicas share of how often keys are used. */
export class RateLimitRepository {
  constructor(private readonly database: Database) {}

  async add(counts: readonly (RateCount & { readonly expiresAt: Date })[]): Promise<void> {
    // In the same order on all replicas, which rules out deadlocks.
    const ordered = [...counts].sort((one, other) =>
      one.keyId < other.keyId ? -1 : one.keyId > other.keyId ? 1 : one.slice - other.slice,
    );
    await this.database.pool.query(
      `INSERT INTO rate_counts AS r (key_id, slice, count, expires_at)
       SELECT "keyId", slice, count, "expiresAt" FROM jsonb_to_recordset($1::jsonb)
         AS c("keyId" text, slice bigint, count int, "expiresAt" timestamptz)
       ON CONFLICT (key_id, slice) DO UPDATE SET count = r.count + EXCLUDED.count`,
      [JSON.stringify(ordered)],
    );
  }

  /**
   * Moves counts of later slices than a clock that was set back can have had to the slice of now.
   * @param ahead of each key the first slice that is too late, and the one of now
   */
  async bringBack(ahead: readonly SlicesAhead[]): Promise<void> {
    await this.database.pool.query(
      `WITH late AS (
         DELETE FROM rate_counts r USING jsonb_to_recordset($1::jsonb)
           AS a("keyId" text, "from" bigint, "to" bigint, "expiresAt" timestamptz)
         WHERE r.key_id = a."keyId" AND r.slice >= a."from"
         RETURNING r.key_id, a."to" AS slice, a."expiresAt" AS expires_at, r.count)
       INSERT INTO rate_counts AS r (key_id, slice, count, expires_at)
       SELECT key_id, slice, sum(count), expires_at FROM late
       GROUP BY key_id, slice, expires_at ORDER BY key_id
       ON CONFLICT (key_id, slice) DO UPDATE SET count = r.count + EXCLUDED.count`,
      [JSON.stringify(ahead)],
    );
  }

  /** The counts of all replicas together. */
  async sums(keyIds: readonly string[]): Promise<RateCount[]> {
    const { rows } = await this.database.pool.query<{
      keyId: string;
      slice: string;
      count: number;
    }>('SELECT key_id AS "keyId", slice, count FROM rate_counts WHERE key_id = ANY($1)', [keyIds]);
    return rows.map((row) => ({ ...row, slice: Number(row.slice) }));
  }

  async deleteExpired(now: Date): Promise<void> {
    await this.database.pool.query('DELETE FROM rate_counts WHERE expires_at <= $1', [now]);
  }
}
