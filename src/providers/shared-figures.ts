import type { Database } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import {
  bucketOf,
  type CallCount,
  type CallFigures,
  figuresOf,
  SPAN_NAMES,
  type Span,
  sliceOf,
} from './call-figures.js';
import type { AttemptOutcome } from './execute.js';
import { isFailure } from './provider-runtime.js';

/** A count as it is shared: whose, of which span, and in which slice of it. */
interface SharedCount extends CallCount {
  readonly provider: string;
  readonly span: Span;
}
interface OwnCount extends SharedCount {
  readonly slice: number;
  readonly expiresAt: number;
}

/**
 * Recent success rates and latencies of the providers, over all replicas and restarts. Each replica
 * counts in memory and shares its counts through the database every few seconds, so neither calls
 * to providers nor readers of the figures wait for the database.
 */
export class SharedFigures {
  /** Counted here since the counts were last shared. */
  private fresh = new Map<string, OwnCount>();
  /** Being written to the database. */
  private sending: readonly OwnCount[] = [];
  /** Of all replicas, as last read from the database. */
  private shared: readonly SharedCount[] = [];

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Counts an attempt that has just ended. */
  note({
    provider,
    outcome,
    latencyMs,
  }: Pick<AttemptOutcome, 'provider' | 'outcome' | 'latencyMs'>): void {
    const now = this.clock.now().getTime();
    const [succeeded, failed] = isFailure(outcome) ? [0, 1] : [1, 0];
    for (const span of SPAN_NAMES)
      this.add({
        provider,
        span,
        ...sliceOf(span, now),
        bucket: bucketOf(latencyMs),
        succeeded,
        failed,
      });
  }

  /**
   * The figures of a provider over a span: of all replicas until the counts were last shared, and of
   * this one until now.
   */
  read(provider: string, span: Span): CallFigures {
    const now = this.clock.now().getTime();
    const own = [...this.fresh.values(), ...this.sending].filter(
      ({ expiresAt }) => expiresAt > now,
    );
    return figuresOf(
      [...this.shared, ...own].filter(
        (count) => count.provider === provider && count.span === span,
      ),
    );
  }

  /**
   * Writes the counts of this replica to the database and reads those of all replicas. Each replica
   * runs it every few seconds.
   */
  async share(): Promise<void> {
    const counts = [...this.fresh.values()];
    this.sending = counts;
    this.fresh = new Map();
    const now = this.clock.now();
    try {
      await this.database.pool.query(ADD, [JSON.stringify(counts.map(toRow))]);
    } catch (error) {
      this.sending = [];
      for (const count of counts) this.add(count);
      throw error;
    }
    const { rows } = await this.database.pool.query<SharedCount>(SUMS, [now]);
    this.shared = rows;
    this.sending = [];
    await this.database.pool.query('DELETE FROM provider_call_counts WHERE expires_at <= $1', [
      now,
    ]);
  }

  private add(count: OwnCount): void {
    const key = `${count.provider} ${count.span} ${count.slice} ${count.bucket}`;
    const { succeeded = 0, failed = 0 } = this.fresh.get(key) ?? {};
    this.fresh.set(key, {
      ...count,
      succeeded: succeeded + count.succeeded,
      failed: failed + count.failed,
    });
  }
}

/** In the same order on all replicas, which rules out deadlocks. */
const ADD = `
  INSERT INTO provider_call_counts AS known (provider, span, slice, bucket, succeeded, failed, expires_at)
  SELECT * FROM jsonb_to_recordset($1::jsonb)
    AS own(provider text, span text, slice bigint, bucket int, succeeded int, failed int, expires_at timestamptz)
  ORDER BY provider, span, slice, bucket
  ON CONFLICT (provider, span, slice, bucket)
  DO UPDATE SET succeeded = known.succeeded + EXCLUDED.succeeded, failed = known.failed + EXCLUDED.failed`;
const SUMS = `
  SELECT provider, span, bucket, sum(succeeded)::int AS succeeded, sum(failed)::int AS failed
  FROM provider_call_counts WHERE expires_at > $1 GROUP BY provider, span, bucket`;

function toRow({ expiresAt, ...count }: OwnCount): object {
  return { ...count, expires_at: new Date(expiresAt) };
}
