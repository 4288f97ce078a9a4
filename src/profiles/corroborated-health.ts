import {
  DEFAULT_ROLE,
  HEALTH_FAULTS,
  HEALTH_REASONS,
  HEALTH_STATUSES,
  type HealthFault,
  type HealthReason,
  type HealthStatus,
  type Role,
} from '../model/index.js';
import type { SummedFacts } from './member-facts.js';

/** `grant_broken`: one provider lost its hold of a profile that is otherwise well. */
export const GRANT_BROKEN = 'grant_broken';
type ProfileHealthReason = HealthReason | typeof GRANT_BROKEN;

export const CONFIDENCES = ['high', 'medium', 'low'] as const;
/** How well the members bear a verdict out. */
type Confidence = (typeof CONFIDENCES)[number];

export const SAYINGS = ['dead', 'warning', 'alive', 'unknown'] as const;
/** What one member's verdict says of the profile. */
type Saying = (typeof SAYINGS)[number];

/** What one member contributes to the verdict on its profile. */
interface HealthEvidence {
  readonly account_id: string;
  readonly provider: string;
  readonly role: Role;
  readonly says: Saying;
  readonly status: HealthStatus;
  readonly reason: HealthReason | null;
  readonly fault: HealthFault | null;
  readonly since: Date;
  readonly checked_at: Date;
}

export interface ProfileHealth {
  readonly status: HealthStatus;
  readonly reason: ProfileHealthReason | null;
  readonly confidence: Confidence;
  /** Of every member: the dead first, then warnings, the living and the unknown; oldest first. */
  readonly evidence: readonly HealthEvidence[];
}

/**
 * The health of a profile as its members together show it. A member says `dead` when its account is
 * unhealthy by a fault of its own, `warning` when it works with a remark of its own, `alive` when it
 * is healthy, and otherwise `unknown`: a fault of a connection, of a provider or of ours says nothing
 * of the profile. A grant is held by whoever publishes or grows; who measures only looks. The first
 * row that fits:
 *
 * | Members say | status / reason |
 * |---|---|
 * | all dead; or two grants and more, all dead, whatever those say that only look | unhealthy / that of the dead |
 * | some dead | warning / `grant_broken`: the others live, or may |
 * | a warning | warning / the gravest of them |
 * | some alive | healthy |
 * | unknown, one of them for data that are too old | warning / `data_stale` |
 * | unknown | unknown / that of the oldest account |
 *
 * Confidence is `high` when two providers say so, no member speaks against it, and none is out of
 * reach by a fault; `low` when nobody stands against a broken grant, or nothing is known at all;
 * otherwise `medium`.
 */
export function corroborate(members: readonly SummedFacts[]): ProfileHealth {
  const evidence = members
    .map(evidenceOf)
    .toSorted((one, other) => SAYINGS.indexOf(one.says) - SAYINGS.indexOf(other.says));
  return { ...verdictOf(evidence), evidence };
}

/** The verdict of one account, and whose fault it is. */
export type OwnVerdict = Pick<SummedFacts, 'healthStatus' | 'healthReason' | 'healthFault'>;

/** The verdict on a profile of one account, which depends on that account's verdict alone. */
function verdictOfOne(own: OwnVerdict): Omit<ProfileVerdict, 'confidence'> {
  const { healthStatus: status, healthReason: reason, healthFault: fault } = own;
  const says = sayingOf(own);
  const member = { account_id: '', provider: '', role: DEFAULT_ROLE, says, status, reason, fault };
  const epoch = new Date(0);
  return verdictOf([{ ...member, since: epoch, checked_at: epoch }]);
}

type ProfileVerdict = Omit<ProfileHealth, 'evidence'>;

function verdictOf(evidence: readonly HealthEvidence[]): ProfileVerdict {
  const saying = (...words: readonly Saying[]) =>
    evidence.filter(({ says }) => words.includes(says));
  const [dead, warnings, alive] = [saying('dead'), saying('warning'), saying('alive')];
  // A provider that never tells, or has not begun to, is not out of reach.
  const counted = evidence.filter(({ says, fault }) => says !== 'unknown' || fault !== null);
  const isUnanimous = (among: readonly HealthEvidence[]) =>
    among.length === counted.length && providersOf(among) > 1;
  const borneOut = (among: readonly HealthEvidence[]): Confidence =>
    isUnanimous(among) ? 'high' : 'medium';

  if (isDead(evidence)) {
    const reason = gravest(dead, DEATHS);
    return { status: 'unhealthy', reason, confidence: borneOut(dead) };
  }
  if (dead.length > 0) {
    const living = saying('warning', 'alive');
    const isSure = providersOf(living) > 1 && living.length + dead.length === counted.length;
    const confidence = living.length === 0 ? 'low' : isSure ? 'high' : 'medium';
    return { status: 'warning', reason: GRANT_BROKEN, confidence };
  }
  if (warnings.length > 0) {
    const reason = gravest(warnings, WARNINGS);
    return { status: 'warning', reason, confidence: borneOut(warnings) };
  }
  if (alive.length > 0) return { status: 'healthy', reason: null, confidence: borneOut(alive) };
  if (evidence.some(({ status }) => status === 'warning'))
    return { status: 'warning', reason: 'data_stale', confidence: 'low' };
  return { status: 'unknown', reason: evidence[0]?.reason ?? null, confidence: 'low' };
}

/** Whether every grant is dead; one alone may be the provider's own loss while others see it live. */
function isDead(evidence: readonly HealthEvidence[]): boolean {
  const isAllDead = (among: readonly HealthEvidence[]) =>
    among.every(({ says }) => says === 'dead');
  const grants = evidence.filter(({ role }) => role !== 'measurement');
  return evidence.length > 0 && (isAllDead(evidence) || (grants.length > 1 && isAllDead(grants)));
}

const DEATHS: readonly HealthReason[] = [
  'token_invalid',
  'account_suspended',
  'profile_unavailable',
];
const WARNINGS: readonly HealthReason[] = [
  'permission_missing',
  'token_expiring',
  'provider_warning',
  'account_paused',
];

/** The reason that stands first in the order; any other comes after those. */
function gravest(
  evidence: readonly HealthEvidence[],
  order: readonly HealthReason[],
): HealthReason | null {
  const reasons = evidence.flatMap(({ reason }) => reason ?? []);
  return order.find((reason) => reasons.includes(reason)) ?? reasons[0] ?? null;
}

const providersOf = (evidence: readonly HealthEvidence[]) =>
  new Set(evidence.map(({ provider }) => provider)).size;

function evidenceOf(member: SummedFacts): HealthEvidence {
  return {
    account_id: member.id,
    provider: member.provider,
    role: member.role,
    says: sayingOf(member),
    status: member.healthStatus,
    reason: member.healthReason,
    fault: member.healthFault,
    since: member.healthSince,
    checked_at: member.healthCheckedAt,
  };
}

function sayingOf({ healthStatus, healthFault }: OwnVerdict): Saying {
  if (healthStatus === 'healthy') return 'alive';
  if (healthFault !== 'account') return 'unknown';
  if (healthStatus === 'unhealthy') return 'dead';
  return healthStatus === 'warning' ? 'warning' : 'unknown';
}

/** All verdicts that there can be on one account, with those on a profile of it alone. */
export const VERDICTS_OF_ONE = HEALTH_STATUSES.flatMap((healthStatus) =>
  [null, ...HEALTH_REASONS].flatMap((healthReason) =>
    [null, ...HEALTH_FAULTS].map((healthFault) => {
      const own = { healthStatus, healthReason, healthFault };
      return { own, ...verdictOfOne(own) };
    }),
  ),
);
