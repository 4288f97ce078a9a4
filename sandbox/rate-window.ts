/** What is left of a limit. */
export interface Quota {
  readonly limit: number;
  readonly remaining: number;
  /** When the window ends, in milliseconds since 1970. */
  readonly resetAt: number;
}

/** Counts requests in fixed windows, each opened by the first request after the last one ended. */
export class RateWindow {
  readonly #windowMs: number;
  #endsAt = 0;
  #used = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Takes one request; false where the limit is used up. */
  take(limit: number, now: number): boolean {
    if (now >= this.#endsAt) this.reset(now);
    if (this.#used >= limit) return false;
    this.#used += 1;
    return true;
  }

  quota(limit: number, now: number): Quota {
    const isOver = now >= this.#endsAt;
    return {
      limit,
      remaining: Math.max(0, limit - (isOver ? 0 : this.#used)),
      resetAt: isOver ? now + this.#windowMs : this.#endsAt,
    };
  }

  /** Opens a fresh window. */
  reset(now: number): void {
    this.#used = 0;
    this.#endsAt = now + this.#windowMs;
  }
}

/**
 * The three headers that most providers share; the reset is in Unix seconds.
 */
export function rateLimitHeaders(quota: Quota): Record<string, string> {
  return {
    'X-RateLimit-Limit': String(quota.limit),
    'X-RateLimit-Remaining': String(quota.remaining),
    'X-RateLimit-Reset': String(Math.ceil(quota.resetAt / 1000)),
  };
}
