import { setTimeout as delay } from 'node:timers/promises';

/** The only source of time, so that tests need not wait for it. */
export interface Clock {
  now(): Date;
  /** Waits `ms` milliseconds; rejects with an `AbortError` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of production. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/**
 * Time that never goes back: when the clock is set back, it continues from where it was. For what
 * one process measures.
 */
export class SteadyTime {
  /** Milliseconds by which this time is ahead of the clock. */
  private ahead = 0;
  private last = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds since 1970, as the clock would have it had it never been set back. */
  now(): number {
    const time = this.clock.now().getTime();
    this.ahead = Math.max(this.ahead, this.last - time);
    this.last = time + this.ahead;
    return this.last;
  }

  /** A time of the clock in this time. */
  of(time: number): number {
    return time + this.ahead;
  }
}
