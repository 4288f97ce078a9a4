const [SECOND, MINUTE, HOUR] = [1, 60, 3600];

/**
 * Seconds to wait after each failed attempt; when they are used up the delivery has failed. Over
 * three days in all.
 */
const DELAYS_SECONDS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
/** Added on top, so that what failed together does not come back together. */
const JITTER = 0.1;
/** No receiver may put us off for longer. */
const MAX_WAIT_SECONDS = 24 * HOUR;
const GIVES_UP_AFTER_MS = 5 * 24 * HOUR * 1000;

/**
 * When a delivery is tried again; `undefined`: never.
 * @param attempts how many were made, this one included
 * @param retryAfterSeconds what the receiver asked for
 */
export function nextAttemptAt(
  attempts: number,
  now: Date,
  retryAfterSeconds: number | null,
  random: () => number = Math.random,
): Date | undefined {
  const delay = DELAYS_SECONDS[attempts - 1];
  if (delay === undefined) return undefined;
  const asked = Math.min(retryAfterSeconds ?? 0, MAX_WAIT_SECONDS);
  return new Date(now.getTime() + Math.max(delay * (1 + JITTER * random()), asked) * 1000);
}

/** Whether a webhook that has only failed since `failingSince` is given up. */
export function isHopeless(failingSince: Date, now: Date): boolean {
  return now.getTime() - failingSince.getTime() >= GIVES_UP_AFTER_MS;
}
