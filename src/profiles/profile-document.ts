import { MAX_PROFILE_MEMBERS, type MemberFacts } from './member-facts.js';
import type { Membership } from './membership.js';
import type { MergedProfile } from './merge.js';
import { FIGURES, MERGED_FIELDS, type MergedField, type MergedFields } from './survivorship.js';

/** How a profile is made up. */
interface Grouping {
  readonly id: string;
  readonly match: string;
  readonly candidates: readonly string[];
}

/** A profile as it is answered. Of very many members the oldest are listed. */
export function profileDocument(
  { id, match, candidates }: Grouping,
  merged: MergedProfile,
  members: readonly MemberFacts[],
  memberships: ReadonlyMap<string, Membership>,
) {
  const { status, reason, confidence, evidence } = merged.health;
  const figures = MERGED_FIELDS.filter((field) => FIGURES.has(field));
  const facts = MERGED_FIELDS.filter((field) => !FIGURES.has(field));
  const shown = (fields: readonly MergedField[]) =>
    Object.fromEntries(fields.map((field) => [field, valueShown(merged.fields, field)]));
  return {
    id,
    type: 'profile' as const,
    platform: merged.platform,
    match,
    candidates,
    ...shown(facts),
    health: { status, reason, confidence, evidence: evidence.slice(0, MAX_PROFILE_MEMBERS) },
    metrics: shown(figures),
    conflicts: merged.conflicts.map((conflict) => ({
      ...conflict,
      values: conflict.values.slice(0, MAX_PROFILE_MEMBERS),
    })),
    providers: merged.providers,
    provider_count: merged.providers.length,
    account_count: merged.accountCount,
    members: members
      .slice(0, MAX_PROFILE_MEMBERS)
      .map((member) => memberShown(member, memberships.get(member.id))),
    created_at: merged.createdAt,
    updated_at: merged.updatedAt,
  };
}

const UNKNOWN = {
  value: null,
  provider: null,
  account_id: null,
  observed_at: null,
  alternatives: [],
};

function valueShown(fields: MergedFields, field: MergedField) {
  const merged = fields[field];
  if (merged === null) return FIGURES.has(field) ? { ...UNKNOWN, as_of: null } : UNKNOWN;
  return { ...merged, alternatives: merged.alternatives.slice(0, MAX_PROFILE_MEMBERS) };
}

function memberShown(member: MemberFacts, membership: Membership | undefined) {
  return {
    account: {
      id: member.id,
      ref: `${member.provider}:${member.providerAccountId}`,
      provider: member.provider,
      username: member.username,
      status: member.status,
      health: {
        status: member.healthStatus,
        reason: member.healthReason,
        fault: member.healthFault,
        since: member.healthSince,
        checked_at: member.healthCheckedAt,
      },
    },
    match: membership?.match ?? 'none',
    rule: membership?.rule ?? 'alone',
    linked_to: membership?.linkedTo ?? null,
    evidence: membership?.evidence ?? [],
    stale: membership?.isStale ?? false,
  };
}
