import type { HealthDay, HealthTransition } from '../database/prisma-client/client.js';

/** A change of verdict in an account's history. */
export function historyItem({
  fromStatus,
  toStatus,
  reason,
  fault,
  evidence,
  at,
}: HealthTransition) {
  return { from: fromStatus, to: toStatus, reason, fault, evidence, at, summary: null };
}

/**
 * A day's changes as one item of the history. A single change loses nothing by it, and is shown as
 * such.
 */
export function historyItemOfDay(day: HealthDay) {
  const { fromStatus, toStatus, reason, fault, evidence, lastAt } = day;
  const item = { from: fromStatus, to: toStatus, reason, fault, evidence, at: lastAt };
  if (day.transitions === 1) return { ...item, summary: null };
  const seconds = {
    healthy: day.healthyMs / 1000,
    warning: day.warningMs / 1000,
    unhealthy: day.unhealthyMs / 1000,
    unknown: day.unknownMs / 1000,
  };
  return {
    ...item,
    summary: {
      transitions: day.transitions,
      first_at: day.firstAt,
      worst: day.worstStatus,
      seconds,
    },
  };
}
