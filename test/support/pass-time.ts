import type { App } from '../../src/app.js';
import type { ManualClock } from './manual-clock.js';

/**
 * A gateway notes this often that it runs. A clock that also goes on by itself may add twice as much
 * between two notes before they count as a break.
 */
const NOTE_EVERY_MS = 5_000;

/**
 * Lets time go by in which the gateway runs: a clock that jumps is that of a machine that was
 * suspended.
 */
export async function passTime(
  clock: Pick<ManualClock, 'advance'>,
  { recurringJobs }: Pick<App, 'recurringJobs'>,
  ms: number,
): Promise<void> {
  for (let left = ms; left > 0; left -= NOTE_EVERY_MS) {
    clock.advance(Math.min(left, NOTE_EVERY_MS));
    await recurringJobs.runNamed('health.note_running');
  }
}
