const JITTER = 0.1;
/** A rejected key is only checked now and then: the provider would count each try against us. */
const REJECTED_FACTOR = 6;
const MAX_REJECTED_SECONDS = 3600;

/**
 * When a connection is due again: its interval from now, give or take a tenth, so that connections
 * spread out.
 */
export function nextSweepAt(
  connection: { readonly state: string; readonly sweepIntervalSeconds: number },
  now: Date,
  random: () => number = Math.random,
): Date {
  const interval = connection.sweepIntervalSeconds;
  const seconds =
    connection.state === 'credential_rejected'
      ? Math.max(interval, Math.min(interval * REJECTED_FACTOR, MAX_REJECTED_SECONDS))
      : interval;
  return new Date(now.getTime() + seconds * 1000 * (1 + JITTER * (2 * random() - 1)));
}
