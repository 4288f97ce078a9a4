import type { RateLimit } from './caller.js';

/** What a key may still use. */
export interface RateState {
  readonly limit: RateLimit;
  readonly remaining: number;
  /** Whole seconds, at least one, until more is left. */
  readonly resetSeconds: number;
}

/** What one process knows of the uses of a key in one slice of time. */
interface Slice {
  /** Of all replicas, as last read from the database. */
  shared: number;
  /** Of this process, on their way to the database. */
  sending: number;
  /** Of this process since. */
  fresh: number;
}

const SLICES = 60;
/** Replicas' clocks may differ by so many slices. */
const MAX_SLICES_AHEAD = 5;

/**
 * The uses of one key in a window that slides: the last 60 slices of time. Where the clock was set
 * back, uses that stand in its future count as made now: they are neither forgotten nor held
 * against the key until the clock gets there again. Pure counting; sharing the counts through the
 * database is the limiter's part. @see RateLimiter
 */
export class RateWindow {
  private readonly slices = new Map<number, Slice>();
  private readonly sliceMs: number;
  /**
   * Of all slices, kept as they change: adding up sixty of them ten times a request took a tenth of
   * the time of an answer that is kept.
   */
  private sum = { all: 0, unshared: 0, oldest: Number.POSITIVE_INFINITY };
  /** The slice of now when what is past the window was last dropped. */
  private movedTo: number | undefined;

  constructor(readonly limit: RateLimit) {
    this.sliceMs = (limit.windowSeconds * 1000) / SLICES;
  }

  /** Counts a use unless the quota is used up. @returns whether it may go on */
  take(now: number): boolean {
    if (this.isUsedUp(now, this.limit.quota)) return false;
    this.count(now);
    return true;
  }

  /** Whether so many uses were made. */
  isUsedUp(now: number, quota: number): boolean {
    this.moveTo(now);
    return this.sum.all >= quota;
  }

  count(now: number): void {
    const index = this.sliceOf(now);
    this.slice(index).fresh += 1;
    this.sum.all += 1;
    this.sum.unshared += 1;
    this.sum.oldest = Math.min(this.sum.oldest, index);
  }

  /** Uses that the database does not know yet. */
  get unshared(): number {
    return this.sum.unshared;
  }

  state(now: number, quota = this.limit.quota): RateState {
    this.moveTo(now);
    const oldest = Math.min(this.sum.oldest, this.sliceOf(now));
    const resetSeconds = Math.max(1, Math.ceil(((oldest + SLICES) * this.sliceMs - now) / 1000));
    return {
      limit: { ...this.limit, quota },
      remaining: Math.max(0, quota - this.sum.all),
      resetSeconds,
    };
  }

  /**
   * The uses that the database does not know yet; they count as sent until `confirmSent` or
   * `giveBack`.
   */
  send(): { readonly slice: number; readonly count: number; readonly expiresAt: number }[] {
    return [...this.slices].flatMap(([index, slice]) => {
      if (slice.fresh === 0) return [];
      slice.sending += slice.fresh;
      slice.fresh = 0;
      return [{ slice: index, count: slice.sending, expiresAt: (index + SLICES) * this.sliceMs }];
    });
  }

  /** What was sent is in the database, which now holds these sums for all replicas. */
  confirmSent(sums: ReadonlyMap<number, number>, now: number): void {
    for (const slice of this.slices.values()) {
      slice.sending = 0;
      slice.shared = 0;
    }
    for (const [index, sum] of sums) this.slice(index).shared = sum;
    this.movedTo = undefined;
    this.moveTo(now);
  }

  /** Where uses stand that the clock's future holds: `from` and later ones belong to slice `to`. */
  ahead(now: number): {
    readonly from: number;
    readonly to: number;
    /** When slice `to` leaves the window. */
    readonly expiresAt: number;
  } {
    const to = this.sliceOf(now);
    return { from: to + MAX_SLICES_AHEAD + 1, to, expiresAt: (to + SLICES) * this.sliceMs };
  }

  /** What was sent did not arrive. */
  giveBack(): void {
    for (const slice of this.slices.values()) {
      slice.fresh += slice.sending;
      slice.sending = 0;
    }
  }

  get isIdle(): boolean {
    return this.slices.size === 0;
  }

  private addUp(): void {
    this.sum = { all: 0, unshared: 0, oldest: Number.POSITIVE_INFINITY };
    for (const [index, { shared, sending, fresh }] of this.slices) {
      this.sum.all += shared + sending + fresh;
      this.sum.unshared += sending + fresh;
      this.sum.oldest = Math.min(this.sum.oldest, index);
    }
  }

  /** Drops what is past the window, and takes to `now` what is ahead of it. */
  private moveTo(now: number): void {
    const { from, to } = this.ahead(now);
    if (this.movedTo === to) return;
    this.movedTo = to;
    for (const [index, { shared, sending, fresh }] of this.slices) {
      if (index > to - SLICES && index < from) continue;
      this.slices.delete(index);
      if (index < from) continue;
      const current = this.slice(to);
      current.shared += shared;
      current.sending += sending;
      current.fresh += fresh;
    }
    this.addUp();
  }

  private slice(index: number): Slice {
    const slice = this.slices.get(index) ?? { shared: 0, sending: 0, fresh: 0 };
    this.slices.set(index, slice);
    return slice;
  }

  private sliceOf(now: number): number {
    return Math.floor(now / this.sliceMs);
  }
}
