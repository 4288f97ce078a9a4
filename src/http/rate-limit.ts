import type { Database } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { RateLimit } from './caller.js';
import { retryLater } from './problem.js';
import { type RateCount, RateLimitRepository } from './rate-limit.repository.js';
import { type RateState, RateWindow } from './rate-window.js';

export const DEFAULT_RATE_LIMIT: RateLimit = { quota: 600, windowSeconds: 60 };

/** More requests of one key at once than this, on one replica, are refused. */
const MAX_IN_FLIGHT = 100;
const SYNC_MS = 1000;

/**
 * Rate limits per key, shared by all replicas without a query per request: each counts for itself
 * and shares its counts through the database once a second while it has any. Together the replicas
 * let through at most what one second of each adds.
 */
export class RateLimiter {
  private readonly counts: RateLimitRepository;
  private readonly windows = new Map<string, RateWindow>();
  private readonly inFlight = new Map<string, number>();
  private isSyncDue = false;
  private isStopped = false;

  constructor(
    database: Database,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly standard: RateLimit = DEFAULT_RATE_LIMIT,
  ) {
    this.counts = new RateLimitRepository(database);
  }

  /**
   * Counts a request of a key.
   * @param own the key's own limit; `null`: the standard one
   * @param setHeaders gets the response headers, also when the request is refused
   * @param ended is called when the request has been answered
   * @throws Problem 429 over the limit, or with too many requests of the key at once
   */
  take(
    keyId: string,
    own: RateLimit | null,
    setHeaders: (headers: Record<string, string>) => void,
    ended: (free: () => void) => void,
  ): void {
    const now = this.clock.now().getTime();
    const window = this.windows.get(keyId) ?? new RateWindow(own ?? this.standard);
    this.windows.set(keyId, window);
    const running = this.inFlight.get(keyId) ?? 0;
    const isAllowed = running < MAX_IN_FLIGHT && window.take(now);
    const state = window.state(now);
    setHeaders(headersOf(state, now));
    if (running >= MAX_IN_FLIGHT)
      throw retryLater(
        'rate_limited',
        `The key already has ${MAX_IN_FLIGHT} requests in progress.`,
        1,
      );
    if (!isAllowed) {
      const { quota, windowSeconds } = state.limit;
      throw retryLater(
        'rate_limited',
        `The key has used its ${quota} requests per ${windowSeconds} s.`,
        state.resetSeconds,
      );
    }
    this.inFlight.set(keyId, running + 1);
    ended(() => this.free(keyId));
    this.syncSoon();
  }

  /** Writes the counts of this replica to the database and reads those of all replicas. */
  async sync(): Promise<void> {
    const windows = [...this.windows].filter(([, window]) => !window.isIdle);
    const counts = windows.flatMap(([keyId, window]) =>
      window.send().map((slice) => ({ keyId, ...slice, expiresAt: new Date(slice.expiresAt) })),
    );
    try {
      await this.counts.add(counts);
      const now = this.clock.now().getTime();
      const sums = await this.sums(windows, now);
      for (const [keyId, window] of windows) {
        const own = sums.filter((sum) => sum.keyId === keyId);
        window.confirmSent(new Map(own.map(({ slice, count }) => [slice, count])), now);
        if (window.isIdle) this.windows.delete(keyId);
      }
    } catch (error) {
      for (const [, window] of windows) window.giveBack();
      this.logger.warn('sharing rate limits failed', { error: String(error) });
    }
  }

  /** The counts of all replicas, none of them in the future of this clock. */
  private async sums(
    windows: readonly (readonly [string, RateWindow])[],
    now: number,
  ): Promise<readonly RateCount[]> {
    const keyIds = windows.map(([keyId]) => keyId);
    const sums = await this.counts.sums(keyIds);
    const ahead = windows
      .map(([keyId, window]) => ({ keyId, ...window.ahead(now) }))
      .filter(({ keyId, from }) => sums.some((sum) => sum.keyId === keyId && sum.slice >= from))
      .map((slices) => ({ ...slices, expiresAt: new Date(slices.expiresAt) }));
    if (ahead.length === 0) return sums;
    await this.counts.bringBack(ahead);
    return this.counts.sums(keyIds);
  }

  /** Deletes counts that are past every window. */
  async expire(): Promise<void> {
    await this.counts.deleteExpired(this.clock.now());
  }

  /** Shares no more counts with the database. */
  stop(): void {
    this.isStopped = true;
  }

  private syncSoon(): void {
    if (this.isSyncDue) return;
    this.isSyncDue = true;
    void this.clock.sleep(SYNC_MS).then(() => {
      this.isSyncDue = false;
      return this.isStopped ? undefined : this.sync();
    });
  }

  private free(keyId: string): void {
    const running = (this.inFlight.get(keyId) ?? 1) - 1;
    if (running === 0) this.inFlight.delete(keyId);
    else this.inFlight.set(keyId, running);
  }
}

/**
 * The headers of IETF draft 10 and the older X-RateLimit-*, whose reset is a Unix time in seconds.
 */
function headersOf(
  { limit, remaining, resetSeconds }: RateState,
  now: number,
): Record<string, string> {
  return {
    'RateLimit-Policy': `"default";q=${limit.quota};w=${limit.windowSeconds}`,
    RateLimit: `"default";r=${remaining};t=${resetSeconds}`,
    'X-RateLimit-Limit': String(limit.quota),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil(now / 1000) + resetSeconds),
  };
}
