import { setTimeout as delay } from 'node:timers/promises';

/** The only source of time, so that tests need not wait for it. */
export interface Clock {
  now(): Date;
  /** Waits `ms` milliseconds; rejects with an `AbortError` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};
