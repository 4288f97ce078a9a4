import { usernameKey } from '../accounts/index.js';
import { type Conflict, conflictsOf } from './conflicts.js';
import { corroborate, type ProfileHealth } from './corroborated-health.js';
import type { MemberFacts, SummedFacts } from './member-facts.js';
import { MERGED_FIELDS, type MergedFields, mergeFields } from './survivorship.js';

/** The fields that lists hold of a profile. */
const SUMMED_UP = ['username', 'display_name', 'followers'] as const;

/** What lists hold of a profile. */
export interface ProfileSum {
  readonly platform: string;
  readonly fields: Pick<MergedFields, (typeof SUMMED_UP)[number]>;
  /** What the merged username is found and sorted by. */
  readonly usernameKey: string | null;
  /** Sorted, each once. */
  readonly providers: readonly string[];
  readonly accountCount: number;
  /** Whether members differ, were all they say fresh: it changes with them alone, not with time. */
  readonly differs: boolean;
  readonly health: ProfileHealth;
  /** Of the oldest account. */
  readonly createdAt: Date;
  /** The last change of any of them: of the profile, unless another one has left since. */
  readonly updatedAt: Date;
}

/** A profile as its live members together show it. */
export interface MergedProfile extends ProfileSum {
  readonly fields: MergedFields;
  readonly conflicts: readonly Conflict[];
}

type Pairs = readonly (readonly [string, string])[];

/**
 * The merged profile of its members; independent of their order.
 * @param members live, one at least
 * @param contradictions pairs of members whose ids contradict though a person joined them
 * @param now values that are too old at this time cannot be in conflict
 */
export function mergeProfile(
  members: readonly MemberFacts[],
  contradictions: Pairs,
  now: Date,
): MergedProfile {
  const oldestFirst = inOrder(members);
  return {
    ...sumUp(members, contradictions),
    fields: mergeFields(oldestFirst, MERGED_FIELDS),
    conflicts: conflictsOf(oldestFirst, contradictions, now),
  };
}

/** The part of `mergeProfile` that lists hold: an import writes it for each profile. */
export function sumUp(members: readonly SummedFacts[], contradictions: Pairs): ProfileSum {
  const oldestFirst = inOrder(members);
  const [oldest] = oldestFirst;
  if (!oldest) throw new Error('a profile has one live account at least');
  const fields = mergeFields(oldestFirst, SUMMED_UP);
  const times = (of: (member: SummedFacts) => Date) => oldestFirst.map((one) => of(one).getTime());
  return {
    platform: oldest.platform,
    fields,
    usernameKey: fields.username && usernameKey(fields.username.value),
    providers: [...new Set(oldestFirst.map(({ provider }) => provider))].sort(),
    accountCount: oldestFirst.length,
    differs: conflictsOf(oldestFirst, contradictions, null).length > 0,
    health: corroborate(oldestFirst),
    createdAt: new Date(Math.min(...times(({ createdAt }) => createdAt))),
    updatedAt: new Date(Math.max(...times(({ updatedAt }) => updatedAt))),
  };
}

const inOrder = <Facts extends SummedFacts>(members: readonly Facts[]) =>
  members.toSorted((one, other) => (one.id < other.id ? -1 : 1));
