import { usernameKey } from '../accounts/index.js';
import { type Conflict, conflictsOf } from './conflicts.js';
import { corroborate, type ProfileHealth } from './corroborated-health.js';
import type { MemberFacts } from './member-facts.js';
import { type MergedFields, mergeFields } from './survivorship.js';

/** A profile as its live members together show it. */
export interface MergedProfile {
  readonly platform: string;
  readonly fields: MergedFields;
  /** What the merged username is found and sorted by. */
  readonly usernameKey: string | null;
  /** Sorted, each once. */
  readonly providers: readonly string[];
  readonly accountCount: number;
  readonly conflicts: readonly Conflict[];
  /** Whether members differ, were all they say fresh: it changes with them alone, not with time. */
  readonly differs: boolean;
  readonly health: ProfileHealth;
  /** Of the oldest account. */
  readonly createdAt: Date;
  /** The last change of any of them. */
  readonly updatedAt: Date;
}

/**
 * The merged profile of its members; independent of their order.
 * @param members live, one at least
 * @param contradictions pairs of members whose ids contradict though a person joined them
 * @param now values that are too old at this time cannot be in conflict
 */
export function mergeProfile(
  members: readonly MemberFacts[],
  contradictions: readonly (readonly [string, string])[],
  now: Date,
): MergedProfile {
  const oldestFirst = members.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const [oldest] = oldestFirst;
  if (!oldest) throw new Error('a profile has one live account at least');
  const fields = mergeFields(oldestFirst);
  const times = (of: (member: MemberFacts) => Date) => oldestFirst.map((one) => of(one).getTime());
  return {
    platform: oldest.platform,
    fields,
    usernameKey: fields.username && usernameKey(fields.username.value),
    providers: [...new Set(oldestFirst.map(({ provider }) => provider))].sort(),
    accountCount: oldestFirst.length,
    conflicts: conflictsOf(oldestFirst, contradictions, now),
    differs: conflictsOf(oldestFirst, contradictions, null).length > 0,
    health: corroborate(oldestFirst),
    createdAt: new Date(Math.min(...times(({ createdAt }) => createdAt))),
    updatedAt: new Date(Math.max(...times(({ updatedAt }) => updatedAt))),
  };
}
