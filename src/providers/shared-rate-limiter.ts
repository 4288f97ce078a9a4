import type { AnnouncedLimit } from '../lib/http-headers.js';
import type { OutboundRateLimiter } from './rate-limit.js';
import type { KeyQuota } from './shared-limits.js';

/** The limit of one key, of which other replicas use a part. */
export class SharedRateLimiter {
  /** @param quota absent: nobody else uses the key */
  constructor(
    private readonly own: OutboundRateLimiter,
    private readonly quota: KeyQuota | undefined,
  ) {}

  /** Milliseconds to wait before the next try; 0: the right to send one request is taken. */
  async take(): Promise<number> {
    const { own, quota } = this;
    if (quota === undefined) return own.take();
    const waitMs = await quota.take(!own.isAnnounced);
    if (quota.pausedMs > 0) return quota.pausedMs;
    return waitMs === undefined || own.isAnnounced ? own.take() : waitMs;
  }

  learn(announced: AnnouncedLimit | null): void {
    this.own.learn(announced);
  }

  /** The provider said 429: no replica sends anything for `seconds`. */
  block(seconds: number): void {
    this.own.block(seconds);
    this.quota?.pause(seconds);
  }
}
