import type { Clock } from '../lib/clock.js';
import type { ProviderErrorCode } from '../model/index.js';

/** How a provider did in the last five minutes. Latencies in milliseconds; `null`: nothing was asked of it. */
export interface Figures {
  /** Percent of attempts that the provider answered as documented; refusals are answers. */
  readonly successRate5m: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly lastSuccessAt: Date | null;
  readonly lastFailureAt: Date | null;
  /** What the last failure was. */
  readonly lastError: ProviderErrorCode | null;
}

const WINDOW_MS = 300_000;
/** Enough for steady percentiles; keeps a busy provider's memory flat. */
const SAMPLES = 2_000;

/** Collects the figures of one provider. */
export class LiveFigures {
  private samples: { readonly at: number; readonly latencyMs: number; readonly failed: boolean }[] = [];
  private lastSuccessAt: Date | null = null;
  private lastFailureAt: Date | null = null;
  private lastError: ProviderErrorCode | null = null;

  constructor(private readonly clock: Clock) {}

  /** @param failure `null` when the provider did its part */
  note(latencyMs: number, failure: ProviderErrorCode | null): void {
    const at = this.clock.now();
    if (this.samples.length >= 2 * SAMPLES) this.samples = this.samples.slice(-SAMPLES);
    this.samples.push({ at: at.getTime(), latencyMs, failed: failure !== null });
    if (failure === null) {
      this.lastSuccessAt = at;
    } else {
      this.lastFailureAt = at;
      this.lastError = failure;
    }
  }

  read(): Figures {
    const since = this.clock.now().getTime() - WINDOW_MS;
    const recent = this.samples.filter((sample) => sample.at > since);
    const latencies = recent.map((sample) => sample.latencyMs).sort((left, right) => left - right);
    const successes = recent.filter((sample) => !sample.failed).length;
    return {
      successRate5m: recent.length === 0 ? null : Math.round((10_000 * successes) / recent.length) / 100,
      latencyP50Ms: percentile(latencies, 0.5),
      latencyP95Ms: percentile(latencies, 0.95),
      lastSuccessAt: this.lastSuccessAt,
      lastFailureAt: this.lastFailureAt,
      lastError: this.lastError,
    };
  }
}

/** Nearest rank, of values in ascending order. */
function percentile(ascending: readonly number[], share: number): number | null {
  const value = ascending[Math.ceil(share * ascending.length) - 1];
  return value === undefined ? null : Math.round(value);
}
