import { type Clock, systemClock } from '../../src/lib/clock.js';

export interface ManualClock extends Clock {
  /** Moves time on by `ms` milliseconds and wakes every sleeper whose time has come. */
  advance(ms: number): void;
  /** How long each sleep so far was asked to be, in milliseconds. */
  readonly sleeps: readonly number[];
}

/**
 * A clock that stands still until a test moves it. With `skip`, each sleep ends at once and moves
 * the time on by its length: not for what sleeps in a loop.
 */
export function manualClock(
  start: string | number = '2026-02-09T12:00:00Z',
  { skip = false } = {},
): ManualClock {
  let time = new Date(start).getTime();
  let sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  const sleeps: number[] = [];

  const advance = (ms: number) => {
    time += ms;
    const due = sleepers.filter((sleeper) => sleeper.until <= time);
    sleepers = sleepers.filter((sleeper) => sleeper.until > time);
    for (const sleeper of due) sleeper.wake();
  };

  const sleep = (ms: number, signal?: AbortSignal) => {
    sleeps.push(ms);
    if (skip) {
      advance(ms);
      return Promise.resolve();
    }
    return new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const wake = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      sleepers.push({ until: time + ms, wake });
    });
  };

  return { now: () => new Date(time), sleep, advance, sleeps };
}

/**
 * The system's clock, which a test can move ahead. For a whole gateway: what it does now and then,
 * it does now and then.
 *
 * @param pace how much of the time that really passes counts; with little of it, a busy machine
 * moves no more time than the test does. Sleeps take as long as ever.
 */
export function shiftedClock(pace = 1): Clock & Pick<ManualClock, 'advance'> {
  const begun = systemClock.now().getTime();
  let ahead = 0;
  return {
    now: () => new Date(begun + (systemClock.now().getTime() - begun) * pace + ahead),
    sleep: systemClock.sleep,
    advance: (ms) => {
      ahead += ms;
    },
  };
}
