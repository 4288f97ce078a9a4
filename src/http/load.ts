import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type pg from 'pg';
import { type Problem, retryLater } from './problem.js';

/**
 * What one process takes on. Beyond it reads are refused; other requests at twice the counts, as
 * they are worth more and are fewer.
 */
export interface LoadLimits {
  /** Requests under way at once. */
  readonly requests: number;
  /** Queries that wait for a connection to the database. */
  readonly waitingQueries: number;
  /** Milliseconds for which queries wait and none gets a connection. */
  readonly stalledMs: number;
  /** Milliseconds by which the event loop is late, on average over half a second. */
  readonly loopDelayMs: number;
}

const DEFAULT_LIMITS: LoadLimits = {
  requests: 500,
  waitingQueries: 100,
  stalledMs: 1_000,
  loopDelayMs: 500,
};
const LOOP_SAMPLE_MS = 500;
const LOOP_RESOLUTION_MS = 20;
const RETRY_AFTER_SECONDS = 2;

/**
 * Refuses requests while this process has more to do than it can: at once and before any query, so
 * that what is under way ends and memory stays bounded. Nothing that is under way is cut. It lets
 * requests in again by itself.
 */
export class Load {
  private readonly limits: LoadLimits;
  private readonly loop: IntervalHistogram = monitorEventLoopDelay({
    resolution: LOOP_RESOLUTION_MS,
  });
  private readonly loopSampler: NodeJS.Timeout;
  private requests = 0;
  private loopDelayMs = 0;
  /** Since when queries were seen to wait while none got a connection. */
  private stalledSince: number | undefined;

  constructor(
    private readonly pool: pg.Pool,
    limits: Partial<LoadLimits> = {},
  ) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    pool.on('acquire', () => {
      this.stalledSince = undefined;
    });
    this.loop.enable();
    this.loopSampler = setInterval(() => this.sampleLoop(), LOOP_SAMPLE_MS).unref();
  }

  /**
   * Takes a request on.
   * @param ended is called when the request has been answered
   * @throws Problem 503 `service_unavailable` under overload
   */
  take(isRead: boolean, ended: (free: () => void) => void): void {
    const what = this.excess(isRead);
    if (what !== null) throw overloaded(what);
    this.requests++;
    ended(() => {
      this.requests--;
    });
  }

  /** What there is too much of for reads; `null`: nothing. */
  get overload(): string | null {
    return this.excess(true);
  }

  /** Measures no more. */
  stop(): void {
    clearInterval(this.loopSampler);
    this.loop.disable();
  }

  private excess(isRead: boolean): string | null {
    const times = isRead ? 1 : 2;
    if (this.requests >= times * this.limits.requests) return 'too many requests are in progress';
    if (this.pool.waitingCount >= times * this.limits.waitingQueries)
      return 'too many queries are waiting for the database';
    if (isRead && this.stalledMs() >= this.limits.stalledMs)
      return 'queries wait too long for the database';
    if (isRead && this.loopDelayMs >= this.limits.loopDelayMs)
      return 'the event loop is too far behind';
    return null;
  }

  private stalledMs(): number {
    if (this.pool.waitingCount === 0) this.stalledSince = undefined;
    else this.stalledSince ??= performance.now();
    return this.stalledSince === undefined ? 0 : performance.now() - this.stalledSince;
  }

  private sampleLoop(): void {
    // The mean of no sample is no number.
    this.loopDelayMs = this.loop.mean / 1e6 || 0;
    this.loop.reset();
  }
}

function overloaded(what: string): Problem {
  const detail = `This replica is overloaded: ${what}.`;
  return retryLater('service_unavailable', detail, RETRY_AFTER_SECONDS);
}
