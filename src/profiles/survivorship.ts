import { ACCOUNT_COLUMNS, type Role } from '../model/index.js';
import type { MemberFacts, SummedFacts } from './member-facts.js';

/** One member's value of a field. */
export interface SourcedValue<Value> {
  readonly value: Value;
  readonly provider: string;
  readonly account_id: string;
  /** When the last good look at the member was. */
  readonly observed_at: Date;
  /** Of a figure: when its provider says that it was taken. */
  readonly as_of?: Date | null;
}

/** The value that counts, and what other members say, in the order in which they would count. */
interface MergedValue<Value> extends SourcedValue<Value> {
  readonly alternatives: readonly SourcedValue<Value>[];
}

/**
 * Which members count first. `role`: publishers with a living grant, which act as the owner; then
 * those that measure the profile from outside; those that grow it; publishers whose grant is dead,
 * which see it no more; among equals the newest look. `as_of`: the newest figures, then by role.
 */
type Order = 'role' | 'as_of';

/**
 * How each field of a profile is taken from its members: the first in this order that knows it, as
 * it stands there. Nothing is averaged, summed or converted. Rates go by role, as each provider
 * computes them in a way of its own: by age they would jump from one way to another.
 */
const SURVIVORSHIP = {
  username: 'role',
  platform_user_id: 'role',
  display_name: 'role',
  avatar_url: 'role',
  profile_url: 'role',
  is_verified: 'role',
  followers: 'as_of',
  following: 'as_of',
  posts: 'as_of',
  views: 'as_of',
  likes: 'as_of',
  comments: 'as_of',
  shares: 'as_of',
  saves: 'as_of',
  engagement_rate: 'role',
  growth_rate_30d: 'role',
} as const satisfies Partial<Record<keyof MemberFacts, Order>>;

export type MergedField = keyof typeof SURVIVORSHIP;
export const MERGED_FIELDS = Object.keys(SURVIVORSHIP) as readonly MergedField[];

/** The fields that stand beside the time at which they were taken. */
export const FIGURES: ReadonlySet<MergedField> = new Set(
  MERGED_FIELDS.filter((field) => ACCOUNT_COLUMNS.some(({ name }) => name === `metrics.${field}`)),
);

/** A member, as far as it is told what it says of these fields. */
type Sourced<Field extends MergedField> = SummedFacts & Pick<MemberFacts, Field>;

/** By field; `null`: no member knows it. */
export type MergedFields = {
  readonly [Field in MergedField]: MergedValue<NonNullable<MemberFacts[Field]>> | null;
};

/** Fields of a profile, each from one of its members. */
export function mergeFields<Field extends MergedField>(
  members: readonly Sourced<Field>[],
  fields: readonly Field[],
): Pick<MergedFields, Field> {
  const ordered: Readonly<Record<Order, readonly Sourced<Field>[]>> = {
    role: members.toSorted(byRole),
    as_of: members.toSorted(byAsOf),
  };
  return Object.fromEntries(
    fields.map((field) => {
      const [first, ...alternatives] = valuesOf(ordered[SURVIVORSHIP[field]], field);
      return [field, first === undefined ? null : { ...first, alternatives }];
    }),
  ) as unknown as Pick<MergedFields, Field>;
}

/** What the members that know a field say of it, in their order. */
export function valuesOf<Field extends MergedField>(
  members: readonly Sourced<Field>[],
  field: Field,
): SourcedValue<NonNullable<MemberFacts[Field]>>[] {
  return members.flatMap((member) => {
    const said: Pick<MemberFacts, Field> = member;
    const value = said[field];
    if (value === null || value === undefined || value === '') return [];
    const { provider, id, observedAt, metricsAsOf } = member;
    const asOf = FIGURES.has(field) && { as_of: metricsAsOf };
    return [{ value, provider, account_id: id, observed_at: observedAt, ...asOf }];
  });
}

const ROLE_RANKS: Readonly<Record<Role, number>> = { publisher: 0, measurement: 1, growth: 2 };
const DEAD_GRANT_RANK = 3;

function rankOf({ role, healthStatus }: SummedFacts): number {
  return role === 'publisher' && healthStatus === 'unhealthy' ? DEAD_GRANT_RANK : ROLE_RANKS[role];
}

function byRole(one: SummedFacts, other: SummedFacts): number {
  return (
    rankOf(one) - rankOf(other) ||
    other.observedAt.getTime() - one.observedAt.getTime() ||
    byAge(one, other)
  );
}

/** A figure without a time loses to any with one. */
function byAsOf(one: SummedFacts, other: SummedFacts): number {
  const [time, otherTime] = [one, other].map(({ metricsAsOf }) => metricsAsOf?.getTime() ?? 0);
  return (otherTime ?? 0) - (time ?? 0) || byRole(one, other);
}

/** The older account first. */
function byAge(one: SummedFacts, other: SummedFacts): number {
  return one.id < other.id ? -1 : Number(one.id > other.id);
}
