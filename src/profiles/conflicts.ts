import { isWithinIntervals, type SummedFacts } from './member-facts.js';
import { type SourcedValue, valuesOf } from './survivorship.js';

/** A value counts as fresh for so many sweep intervals after the last good look at its member. */
export const FRESH_FOR_INTERVALS = 2;

/** Followers differ by more than this share of the greater number, and by more than so many. */
const MAX_SHARE_APART = 0.05;
const MAX_FOLLOWERS_APART = 50;

export const CONFLICT_FIELDS = [
  'platform_user_id',
  'username',
  'display_name',
  'followers',
] as const;
type ConflictField = (typeof CONFLICT_FIELDS)[number];

/** What members of one profile say that cannot all be so. */
export interface Conflict {
  readonly field: ConflictField;
  /** Of every member that says something, oldest account first. */
  readonly values: readonly SourcedValue<string | number>[];
  /** They have said so since then at the latest: the last of these accounts changed then. */
  readonly since: Date;
}

/**
 * The fields on which members differ: ids that contradict each other though a person joined their
 * accounts; names that differ after folding; and followers more than 5 % and 50 apart. A name or a
 * number is compared only while it is fresh, as an old one may have been right.
 * @param contradictions pairs of members whose ids contradict
 * @param now `null`: whatever their age
 */
export function conflictsOf(
  members: readonly SummedFacts[],
  contradictions: readonly (readonly [string, string])[],
  now: Date | null,
): readonly Conflict[] {
  if (members.length < 2) return [];
  const contradicting = new Set(contradictions.flat());
  const ofIds = members.filter(({ id }) => contradicting.has(id));
  const fresh = members.filter(
    (member) => now === null || isWithinIntervals(member, FRESH_FOR_INTERVALS, now),
  );
  return [
    ...conflictOf('platform_user_id', ofIds, (ids) => ids.length > 1),
    ...conflictOf('username', fresh, differAsNames),
    ...conflictOf('display_name', fresh, differAsNames),
    ...conflictOf('followers', fresh, areFarApart),
  ];
}

function conflictOf(
  field: ConflictField,
  members: readonly SummedFacts[],
  isConflict: (values: readonly (string | number)[]) => boolean,
): Conflict[] {
  const values = valuesOf<ConflictField>(members, field);
  if (!isConflict(values.map(({ value }) => value))) return [];
  const named = new Set(values.map(({ account_id }) => account_id));
  const changes = members
    .filter(({ id }) => named.has(id))
    .map(({ updatedAt }) => updatedAt.getTime());
  return [{ field, values, since: new Date(Math.max(...changes)) }];
}

const differAsNames = (names: readonly (string | number)[]) =>
  new Set(names).size > 1 && new Set(names.map((name) => folded(String(name)))).size > 1;

/** Without case (by way of capitals, which fold `ß` too), and with one form for each letter. */
const folded = (name: string) =>
  name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC').replace(/\s+/gu, ' ').trim();

function areFarApart(counts: readonly (string | number)[]): boolean {
  if (counts.length < 2) return false;
  const numbers = counts.map(Number);
  const greatest = Math.max(...numbers);
  const apart = greatest - Math.min(...numbers);
  return apart > MAX_FOLLOWERS_APART && apart > MAX_SHARE_APART * greatest;
}
