import { betweenCrashPoints } from '../lib/crash-point.js';

/**
 * Every write and every call to a provider of a disconnect: the places where a crash must do no
 * harm, each before and after.
 */
export const CRASH_POINTS = [
  'start',
  'claim',
  'look',
  'pause',
  'note_deleting',
  'delete',
  'note_deleted',
  'verify',
  'succeed',
  'postpone',
  'note_resuming',
  'resume',
  'fail',
  'close',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Runs an action, and ends the process before or after it if a test has armed the point. */
export function atCrashPoint<Result>(
  point: CrashPoint,
  work: () => Promise<Result>,
): Promise<Result> {
  return betweenCrashPoints(point, work);
}
