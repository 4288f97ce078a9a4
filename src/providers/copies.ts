import { hash } from 'node:crypto';
import type { HealthStatus } from '../model/index.js';
import type { Observation } from './read-account.js';

const HEALTH_RANK: Readonly<Record<HealthStatus, number>> = {
  healthy: 3,
  warning: 2,
  unknown: 1,
  unhealthy: 0,
};
/** Digits that the milliseconds of any year take. */
const TIME_DIGITS = 15;

/**
 * Orders copies of one account that disagree, as text: of two the greater counts, whichever came
 * first. The newest connection counts, then the one whose token works, then the healthier one, and
 * at last one of them.
 */
export function copyRank({ account }: Observation): string {
  const connectedAt = account.connectedAt === null ? 0 : Date.parse(account.connectedAt);
  const token = { true: 2, null: 1, false: 0 }[`${account.tokenValid}`];
  const content = hash('sha1', JSON.stringify(account), 'hex');
  return [
    String(Math.max(0, connectedAt)).padStart(TIME_DIGITS, '0'),
    token,
    HEALTH_RANK[account.verdict.status],
    content,
  ].join(' ');
}

/** The one of two copies that counts. */
export function betterCopy(one: Observation, other: Observation): Observation {
  return copyRank(other) > copyRank(one) ? other : one;
}
