import { type Clock, SteadyTime } from '../lib/clock.js';
import type { ProviderError } from '../model/index.js';
import type { PolicySettings } from './settings.js';

/**
 * How long to wait before the attempt after number `attempt` (1 is the first), in milliseconds:
 * full jitter, and never before the provider's `Retry-After`. `random` is in [0, 1).
 */
export function retryDelayMs(
  attempt: number,
  retryAfterSeconds: number | null,
  random: number,
  settings: Pick<PolicySettings, 'retryBaseMs' | 'retryMaxMs'>,
): number {
  const ceiling = Math.min(settings.retryMaxMs, settings.retryBaseMs * 2 ** (attempt - 1));
  return Math.max(random * ceiling, (retryAfterSeconds ?? 0) * 1000);
}

/**
 * A breaker that is open stays so for longer than a caller waits; everything else that may pass is
 * worth another try.
 */
export function isWorthRetrying(error: ProviderError): boolean {
  return error.retryable && error.code !== 'circuit_open';
}

/**
 * Keeps retries from doubling the load of a provider that is down already: a share of the minute's
 * calls, and a small floor.
 */
export class RetryBudget {
  private minute = { startedAt: 0, calls: 0, retries: 0 };
  private readonly time: SteadyTime;

  constructor(
    private readonly settings: Pick<PolicySettings, 'retryFloor' | 'retryShare'>,
    clock: Clock,
  ) {
    this.time = new SteadyTime(clock);
  }

  noteCall(): void {
    this.currentMinute().calls += 1;
  }

  /** Takes one retry; `false`: the budget is used up. */
  take(): boolean {
    const minute = this.currentMinute();
    if (minute.retries >= this.settings.retryFloor + this.settings.retryShare * minute.calls)
      return false;
    minute.retries += 1;
    return true;
  }

  private currentMinute() {
    const now = this.time.now();
    if (now - this.minute.startedAt >= 60_000)
      this.minute = { startedAt: now, calls: 0, retries: 0 };
    return this.minute;
  }
}
