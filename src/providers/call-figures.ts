/**
 * The figures of a provider over a span. Latencies in milliseconds, accurate to 10 %; `null`: there
 * were no calls.
 */
export interface CallFigures {
  /** Percent of attempts that the provider answered as documented; refusals are answers. */
  readonly successRate: number | null;
  readonly latencyMs: {
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
  };
}

/** The spans of the figures, in milliseconds. */
const SPANS = { '5m': 300_000, '24h': 86_400_000 } as const;
export type Span = keyof typeof SPANS;
export const SPAN_NAMES = Object.keys(SPANS) as Span[];

/** Attempts that took about as long. */
export interface CallCount {
  readonly bucket: number;
  readonly succeeded: number;
  readonly failed: number;
}

/**
 * A span slides on by a slice at a time, so that it covers up to a sixtieth more than its name
 * says.
 */
const SLICES = 60;
/** Each bucket's latencies are up to a fifth longer than those of the one before. */
const BUCKETS_AN_OCTAVE = 4;

/**
 * The slice of a span that a time (milliseconds since 1970) lies in, and when that slice leaves the
 * span.
 */
export function sliceOf(
  span: Span,
  time: number,
): { readonly slice: number; readonly expiresAt: number } {
  const length = SPANS[span] / SLICES;
  const slice = Math.floor(time / length);
  return { slice, expiresAt: (slice + 1 + SLICES) * length };
}

/** The bucket of a latency in milliseconds; what takes less than one counts as one. */
export function bucketOf(latencyMs: number): number {
  return Math.floor(BUCKETS_AN_OCTAVE * Math.log2(Math.max(1, latencyMs)));
}

/** Sums up counts, in any order, several of a bucket or none. */
export function figuresOf(counts: readonly CallCount[]): CallFigures {
  const ascending = [...counts].sort((one, other) => one.bucket - other.bucket);
  const succeeded = counts.reduce((sum, count) => sum + count.succeeded, 0);
  const calls = counts.reduce((sum, count) => sum + count.failed, succeeded);
  const percentile = (share: number) => latencyAt(ascending, Math.ceil(share * calls));
  return {
    successRate: calls === 0 ? null : Math.round((10_000 * succeeded) / calls) / 100,
    latencyMs: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
  };
}

/** About how long the attempt of this rank took: the middle of its bucket. */
function latencyAt(ascending: readonly CallCount[], rank: number): number | null {
  let seen = 0;
  for (const { bucket, succeeded, failed } of ascending) {
    seen += succeeded + failed;
    if (seen >= rank && seen > 0) return Math.round(2 ** ((bucket + 0.5) / BUCKETS_AN_OCTAVE));
  }
  return null;
}
