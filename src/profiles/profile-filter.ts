import { z } from 'zod';
import {
  accountFilterFields,
  filterConditions,
  hasIndex,
  LOOKED_AT,
  rowConditions,
} from '../accounts/index.js';
import type { Parameters } from '../database/sql.js';
import type { Caller } from '../http/caller.js';
import { followersOrder, type OrderColumn } from '../http/keyset.js';
import { Problem } from '../http/problem.js';
import { soughtIds } from '../http/short-walk.js';
import { commaSeparated, wholeNumber, yesOrNo } from '../http/validate.js';
import { HEALTH_STATUSES } from '../model/index.js';
import { FRESH_FOR_INTERVALS } from './conflicts.js';

/** How the accounts of a profile are tied together. */
export const MATCHES = ['strong', 'weak', 'manual', 'mixed', 'none'] as const;

const MAX_PROVIDER_COUNT = 100;
/** Rows that are read along the order of the list before an index on accounts is used. */
const MAX_WALKED = 1_000;

const oneOf = <Value extends string>(values: readonly [Value, ...Value[]]) =>
  commaSeparated(z.enum(values, { error: `must be one of: ${values.join(', ')}` })).optional();

/** The filters of the list of profiles: AND between them, OR between comma-separated values. */
export function profileFilterFields(providers: readonly string[]) {
  const ofAccounts = accountFilterFields(providers);
  return {
    platform: ofAccounts.platform.meta({ description: 'Only profiles on these platforms.' }),
    q: ofAccounts.q.meta({
      description: 'Part of the username or the display name of one of its accounts.',
    }),
    provider: ofAccounts.provider.meta({
      description: 'Only profiles of which each of these providers holds an account.',
    }),
    provider_count: wholeNumber(1, MAX_PROVIDER_COUNT)
      .optional()
      .meta({ description: 'Only profiles of which this many providers hold accounts.' }),
    match: oneOf(MATCHES).meta({
      description:
        'Only profiles whose accounts are tied in these ways: by equal ids (`strong`), by equal handles (`weak`), by a person (`manual`), by several of these (`mixed`), or of one account alone (`none`).',
    }),
    health: oneOf(HEALTH_STATUSES).meta({
      description: 'Only profiles with these health statuses.',
    }),
    label: ofAccounts.label.meta({
      description: 'Only profiles that have an account with these labels: `label[brand]=acme`.',
      examples: [{ brand: 'acme' }],
    }),
    has_conflicts: yesOrNo.optional().meta({
      description: 'Whether its accounts currently contradict each other.',
    }),
    updated_since: ofAccounts.updated_since.meta({
      description:
        'Only profiles that changed at or after this time: an account of theirs did, joined or left them.',
    }),
  };
}
export type ProfileFilter = z.output<z.ZodObject<ReturnType<typeof profileFilterFields>>>;

export const PROFILE_ORDER_KEYS = ['created_at', 'updated_at', 'username', 'followers'] as const;
export type ProfileOrderKey = (typeof PROFILE_ORDER_KEYS)[number];

export const PROFILE_ORDER: Readonly<Record<ProfileOrderKey, OrderColumn>> = {
  created_at: { column: 'p.created_at', type: 'timestamptz', nullable: false },
  updated_at: { column: 'p.updated_at', type: 'timestamptz', nullable: false },
  username: { column: 'p.username_key', type: 'text', nullable: true },
  followers: followersOrder('p'),
};

/** What the rows of `profiles` say that accounts at hidden providers have a share in. */
const DECIDED_BY_ALL = ['match', 'health', 'has_conflicts'] as const;

/** What the list is of, in SQL. */
interface ProfileSource {
  /** The profiles, named `p`. */
  readonly from: string;
  /** Of `p`, as expressions. */
  readonly providers: string;
  readonly providerCount: string;
}

const ALL_PROFILES: ProfileSource = {
  from: 'profiles p',
  providers: 'p.providers',
  providerCount: 'p.provider_count',
};

/**
 * The profiles that the caller sees. For a key that sees only some providers each is its oldest
 * account there, by which it stands in the order, so that nothing tells of the others.
 * @throws Problem 403 where such a key filters by what only all accounts together decide
 */
export function profilesSeenBy(
  { teamId, key }: Caller,
  filter: ProfileFilter,
  parameters: Parameters,
): ProfileSource {
  if (key.providers.length === 0) return ALL_PROFILES;
  const asked = DECIDED_BY_ALL.find((name) => filter[name] !== undefined);
  if (asked !== undefined)
    throw new Problem(
      'forbidden',
      `${asked}: it also depends on accounts at providers that this key may not see. Leave it out, or use a key for all providers.`,
    );
  const providers = parameters.add(key.providers);
  const isSeen = (account: string) =>
    `${account}.status <> 'disconnected' AND ${account}.provider = ANY(${providers}::text[])`;
  const seen = (what: string, profileId: string) =>
    `SELECT ${what} FROM accounts b WHERE b.profile_id = ${profileId} AND ${isSeen('b')}`;
  return {
    from: `(SELECT a.profile_id AS id, a.team_id, a.platform, a.username_key, a.followers, a.followers_bucket,
        a.created_at, ${seenChange('a.profile_id', providers)} AS updated_at,
        'none' AS match, '{}'::text[] AS candidates
      FROM accounts a
      WHERE a.team_id = ${parameters.add(teamId)} AND a.profile_id IS NOT NULL AND ${isSeen('a')}
        AND NOT EXISTS (${seen('', 'a.profile_id')} AND b.id < a.id)) p`,
    providers: `ARRAY(${seen('DISTINCT b.provider', 'p.id')})`,
    providerCount: `(${seen('count(DISTINCT b.provider)', 'p.id')})`,
  };
}

/**
 * SQL: when a profile last changed, as far as somebody may know who sees accounts at some providers
 * only: one of these changed, or ended there, or the history tells that it came or left.
 */
export const seenChange = (profileId: string, providers: string) => `GREATEST(
  (SELECT max(o.updated_at) FROM accounts o
    WHERE o.profile_id = ${profileId} AND o.provider = ANY(${providers}::text[])),
  (SELECT h.at FROM profile_history h WHERE h.profile_id = ${profileId} AND EXISTS (
    SELECT FROM accounts o WHERE o.provider = ANY(${providers}::text[]) AND o.id = ANY(
      CASE WHEN h.account_id IS NOT NULL THEN ARRAY[h.account_id]
        ELSE ARRAY(SELECT jsonb_path_query(h.evidence, '$[*].account_id') #>> '{}') END))
  ORDER BY h.number DESC LIMIT 1))`;

/** A page of the list in SQL. */
interface PageParts {
  readonly caller: Caller;
  readonly filter: ProfileFilter;
  readonly source: ProfileSource;
  readonly now: Date;
  readonly parameters: Parameters;
  /** Those of the place in the order. */
  readonly stretch: readonly string[];
  readonly sort: string;
  readonly limit: string;
}

/**
 * SQL: whether a profile is on the page or, where only an index on the order can find the page, in
 * the list from there on.
 */
export function profilePageCondition(parts: PageParts): string {
  const { caller, filter, source, now, parameters, stretch, sort, limit } = parts;
  const own = ownConditions(caller, filter, source, now, parameters);
  if (!hasIndex(filter))
    return [...own, ...haveAccounts(caller, filter, parameters), ...stretch].join(' AND ');
  const ids = soughtIds({
    ...{ from: source.from, alias: 'p', stretch, sort, limit },
    whose: `p.team_id = ${parameters.add(caller.teamId)}`,
    ofRow: [...own, ...hasAccounts(caller, filter, parameters)].join(' AND '),
    ofIndex: [...own, ...haveAccounts(caller, filter, parameters)].join(' AND '),
    walked: MAX_WALKED,
  });
  return `p.id = ANY(ARRAY(${ids}))`;
}

/** What tells of accounts which profiles are in the list. */
const asksOfAccounts = ({ q, label }: ProfileFilter) => [
  ...(q === undefined ? [] : [{ q }]),
  ...(label === undefined ? [] : [{ label }]),
];

/** The filter as SQL conditions on `p`. */
export function profileConditions(
  caller: Caller,
  filter: ProfileFilter,
  source: ProfileSource,
  now: Date,
  parameters: Parameters,
): string {
  return [
    ...ownConditions(caller, filter, source, now, parameters),
    ...haveAccounts(caller, filter, parameters),
  ].join(' AND ');
}

/** That profiles have the accounts that are asked for, by which an index finds them. */
function haveAccounts(
  { teamId, key }: Caller,
  filter: ProfileFilter,
  parameters: Parameters,
): string[] {
  return asksOfAccounts(filter).map(
    (asked) => `p.id IN (SELECT a.profile_id FROM accounts a
      WHERE ${filterConditions(teamId, key.providers, asked, parameters)})`,
  );
}

/** As `haveAccounts`, for one profile. `OFFSET 0`: its accounts are looked up, and no others read. */
function hasAccounts(
  { teamId, key }: Caller,
  filter: ProfileFilter,
  parameters: Parameters,
): string[] {
  return asksOfAccounts(filter).map(
    (asked) => `EXISTS (SELECT FROM accounts a WHERE a.profile_id = p.id
      AND ${rowConditions(teamId, key.providers, asked, parameters)} OFFSET 0)`,
  );
}

/** Those that its row tells. */
function ownConditions(
  { teamId }: Caller,
  filter: ProfileFilter,
  { providers, providerCount }: ProfileSource,
  now: Date,
  parameters: Parameters,
): string[] {
  const conditions = [`p.team_id = ${parameters.add(teamId)}`];
  const among = (column: string, values: readonly string[] | undefined) => {
    if (values !== undefined) conditions.push(`${column} = ANY(${parameters.add(values)}::text[])`);
  };
  among('p.platform', filter.platform);
  if (filter.provider !== undefined)
    conditions.push(`${providers} @> ${parameters.add(filter.provider)}::text[]`);
  if (filter.provider_count !== undefined)
    conditions.push(`${providerCount} = ${parameters.add(filter.provider_count)}::int`);
  among('p.match', filter.match);
  among('p.health_status', filter.health);
  if (filter.has_conflicts !== undefined) {
    const isInConflict = inConflict(now, parameters);
    conditions.push(filter.has_conflicts ? isInConflict : `NOT ${isInConflict}`);
  }
  if (filter.updated_since !== undefined)
    conditions.push(`p.updated_at >= ${parameters.add(filter.updated_since)}`);
  return conditions;
}

/** Its members differ, and two of them at least were looked at lately, or their ids contradict. */
function inConflict(now: Date, parameters: Parameters): string {
  return `(p.has_conflicts AND (p.is_contradictory OR (
    SELECT count(*) FROM accounts a JOIN connections c ON c.id = a.connection_id
    WHERE a.profile_id = p.id AND a.status <> 'disconnected'
      AND ${LOOKED_AT} >= ${parameters.add(now)}::timestamptz
        - ${FRESH_FOR_INTERVALS} * c.sweep_interval_seconds * interval '1 second') > 1))`;
}
