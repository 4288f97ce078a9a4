import type { Connection } from '../database/prisma-client/client.js';

/** Of credentials that were just given. */
export const NOT_REFRESHED = {
  tokenExpiresAt: null,
  tokenRefreshAt: null,
  refreshLeasedBy: null,
  refreshLostAt: null,
};

/** Of a connection that is swept at another interval from now on. */
export function sweptEvery(
  sweepIntervalSeconds: number,
  { nextSweepAt }: Pick<Connection, 'nextSweepAt'>,
  now: Date,
) {
  const at = Math.min(nextSweepAt.getTime(), now.getTime() + sweepIntervalSeconds * 1000);
  // Verdicts stand for as long as the interval says.
  return { sweepIntervalSeconds, nextSweepAt: new Date(at), nextAgingAt: now };
}
