import type { Database } from '../database/index.js';
import type { CallCount, Span } from './call-figures.js';

/** How often a site was called, over all replicas. */
export interface SharedCount extends CallCount {
  readonly site: string;
  readonly span: Span;
}

/** How often this replica called a site, in one slice of the span. */
export interface OwnCount extends SharedCount {
  readonly slice: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * The counts that replicas share of calls to providers. The column is called `provider`, as it held
 * no more than that in releases before.
 */
export class CallCountsRepository {
  constructor(private readonly database: Database) {}

  /** Adds in the same order on all replicas, which rules out deadlocks. */
  async add(counts: readonly OwnCount[]): Promise<void> {
    const rows = counts.map(({ expiresAt, ...count }) => ({
      ...count,
      expires_at: new Date(expiresAt),
    }));
    await this.database.pool.query(
      `INSERT INTO provider_call_counts AS known (provider, span, slice, bucket, succeeded, failed,
         expires_at)
       SELECT * FROM jsonb_to_recordset($1::jsonb) AS own(site text, span text, slice bigint,
         bucket int, succeeded int, failed int, expires_at timestamptz)
       ORDER BY site, span, slice, bucket
       ON CONFLICT (provider, span, slice, bucket) DO UPDATE
         SET succeeded = known.succeeded + EXCLUDED.succeeded, failed = known.failed + EXCLUDED.failed`,
      [JSON.stringify(rows)],
    );
  }

  /** The counts that have not expired, of each span together. */
  async sums(now: Date): Promise<SharedCount[]> {
    const { rows } = await this.database.pool.query<SharedCount>(
      `SELECT provider AS site, span, bucket, sum(succeeded)::int AS succeeded, sum(failed)::int AS failed
       FROM provider_call_counts WHERE expires_at > $1 GROUP BY provider, span, bucket`,
      [now],
    );
    return rows;
  }

  async deleteExpired(now: Date): Promise<void> {
    await this.database.pool.query('DELETE FROM provider_call_counts WHERE expires_at <= $1', [
      now,
    ]);
  }
}
