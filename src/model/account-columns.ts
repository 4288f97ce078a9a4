import { z } from 'zod';
import {
  ACCOUNT_STATUSES,
  HEALTH_FAULTS,
  HEALTH_REASONS,
  HEALTH_STATUSES,
  NEXT_STEPS,
  RECOMMENDATION_CODES,
  UNKNOWN_PLATFORM,
} from './account.js';
import { MAX_MEMBERS, MAX_TEXTS, recordOf } from './record-of.js';

/** Labels of one account. */
export const MAX_LABELS = 64;
/** Maximum length of advice in the provider's words, and of our text before it. */
const MAX_RECOMMENDATIONS = MAX_TEXTS + 10;
const MAX_OPERATIONS = 50;

/** One field of the Account and the column of table `accounts` behind it. */
export interface AccountColumn {
  /** Where the Account shows it, such as `health.token_valid`; `null`: nowhere. */
  readonly name: string | null;
  /** Its column; `null`: it is computed when it is read (see the SQL of the Account). */
  readonly column: string | null;
  readonly type: SqlType;
  /**
   * The value of `ObservedAccount` that it is written from, such as `metrics.followers`. `DERIVED`:
   * it is computed from several (see the record of an observation). `null`: it comes from no provider.
   */
  readonly observed: string | null;
  /** Whether a difference is a change of the Account that `account.updated` reports. */
  readonly isChange: boolean;
  /** Shown as it came, but for an address; anything else that is observed is redacted as prose. */
  readonly isName: boolean;
  /** A list may hold summaries: what was observed before is kept where a summary has `null`. */
  readonly isKeptBySummaries: boolean;
  /**
   * Stands where nothing was ever observed of a column that is not `null`; else what was observed
   * before is kept. `null`: there is no such column.
   */
  readonly whenUntold: string | null;
  /** Answered only to callers that ask for it (`include`). */
  readonly isOnRequest: boolean;
  /** As callers see it. */
  readonly schema: z.ZodType;
  readonly example: unknown;
}

export const DERIVED = 'derived';

type SqlType = 'text' | 'boolean' | 'bigint' | 'double precision' | 'timestamptz' | 'jsonb';

interface Row extends Partial<Omit<AccountColumn, 'type' | 'schema'>> {
  readonly type: SqlType;
  readonly schema: z.ZodType;
}

const as = <Type extends SqlType, Schema extends z.ZodType>(type: Type, schema: Schema) => ({
  type,
  schema,
});
const text = as('text', z.string());
const textOrNull = as('text', z.string().nullable());
const flag = as('boolean', z.boolean().nullable());
const count = as('bigint', z.int().nullable());
const rate = as('double precision', z.number().nullable());
const time = as('timestamptz', z.iso.datetime());
const timeOrNull = as('timestamptz', z.iso.datetime().nullable());

const recommendation = z.object({
  code: z.enum(RECOMMENDATION_CODES),
  message: z.string(),
  url: z.string().nullable(),
});

/**
 * Every field of the Account, once, in the order of its JSON. What a row does not say: `column` is
 * the last part of `name`, an observed value is a change, and all else is `null` or false. The
 * example is an account at Octopost whose token was revoked.
 */
const ROWS = [
  { name: 'id', ...text, example: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4' },
  { name: 'type', column: null, ...as('text', z.literal('account')), example: 'account' },
  { name: 'ref', column: null, ...text, example: 'octopost:acc_abc123' },
  { name: 'provider', ...text, example: 'octopost' },
  {
    name: 'provider_account_id',
    ...text,
    observed: 'providerAccountId',
    isChange: false,
    example: 'acc_abc123',
  },
  { name: 'connection_id', ...text, example: 'conn_01k9z3kd7h2m4p6r8t0v1w3x5y' },
  { name: 'profile_id', ...textOrNull, example: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4' },
  // The group or client that the account belongs to at its provider.
  {
    name: 'provider_group',
    ...as('jsonb', z.object({ id: z.string(), name: z.string().nullable() }).nullable()),
    observed: 'providerGroup',
  },
  {
    name: 'platform',
    ...text,
    observed: 'platform',
    isChange: false,
    isName: true,
    whenUntold: UNKNOWN_PLATFORM,
    example: 'instagram',
  },
  {
    name: 'platform_user_id',
    ...textOrNull,
    observed: 'platformUserId',
    isName: true,
    example: '17841400123456789',
  },
  // The handle without a leading `@`, case kept; and what it is found and sorted by.
  { name: 'username', ...textOrNull, observed: 'username', isName: true, example: 'yourhandle' },
  { column: 'username_key', ...textOrNull, observed: DERIVED },
  {
    name: 'display_name',
    ...textOrNull,
    observed: 'displayName',
    isName: true,
    example: 'Your Brand',
  },
  { name: 'avatar_url', ...textOrNull, observed: 'avatarUrl' },
  {
    name: 'profile_url',
    ...textOrNull,
    observed: 'profileUrl',
    example: 'https://www.instagram.com/yourhandle',
  },
  { name: 'is_verified', ...flag, observed: 'isVerified' },
  {
    name: 'status',
    ...as('text', z.enum(ACCOUNT_STATUSES)),
    observed: 'status',
    whenUntold: 'active',
    example: 'reconnect_required',
  },
  // The provider's own word for the status.
  { name: 'provider_status', ...textOrNull, observed: 'providerStatus' },
  // A change of the verdict has an event of its own.
  {
    name: 'health.status',
    column: 'health_status',
    ...as('text', z.enum(HEALTH_STATUSES)),
    observed: 'verdict.status',
    isChange: false,
    example: 'unhealthy',
  },
  {
    name: 'health.reason',
    column: 'health_reason',
    ...as('text', z.enum(HEALTH_REASONS).nullable()),
    observed: 'verdict.reason',
    isChange: false,
    example: 'token_invalid',
  },
  {
    name: 'health.fault',
    column: 'health_fault',
    ...as('text', z.enum(HEALTH_FAULTS).nullable()),
    observed: 'verdict.fault',
    isChange: false,
    example: 'account',
  },
  { name: 'health.token_valid', ...flag, observed: 'tokenValid', example: false },
  {
    name: 'health.permissions',
    ...as('jsonb', z.array(z.string()).max(MAX_TEXTS).nullable()),
    observed: 'permissions',
  },
  { name: 'health.token_expires_at', ...timeOrNull, observed: 'tokenExpiresAt' },
  {
    name: 'health.recommendations',
    ...as('jsonb', z.array(recommendation).max(MAX_RECOMMENDATIONS)),
    observed: DERIVED,
    example: [
      {
        code: 'reconnect',
        message:
          'The token expired or was revoked. Connect the profile again in the Octopost dashboard; it gets a new id.',
        url: 'https://octopost.ink',
      },
    ],
  },
  {
    name: 'health.next_step',
    column: null,
    ...as('text', z.enum(NEXT_STEPS)),
    example: 'reconnect',
  },
  { name: 'health.checked_at', column: null, ...time, example: '2026-02-09T11:45:22.000Z' },
  { name: 'health.since', column: 'health_since', ...time, example: '2026-02-08T07:10:03.000Z' },
  { name: 'metrics.followers', ...count, observed: 'metrics.followers' },
  {
    name: 'metrics.following',
    ...count,
    observed: 'metrics.following',
    isKeptBySummaries: true,
  },
  { name: 'metrics.posts', ...count, observed: 'metrics.posts' },
  { name: 'metrics.views', ...count, observed: 'metrics.views' },
  { name: 'metrics.likes', ...count, observed: 'metrics.likes' },
  { name: 'metrics.comments', ...count, observed: 'metrics.comments' },
  { name: 'metrics.shares', ...count, observed: 'metrics.shares' },
  { name: 'metrics.saves', ...count, observed: 'metrics.saves' },
  // In percent: 4.17 is 4.17 %.
  { name: 'metrics.engagement_rate', ...rate, observed: 'metrics.engagementRate' },
  { name: 'metrics.growth_rate_30d', ...rate, observed: 'metrics.growthRate30d' },
  {
    name: 'metrics.as_of',
    column: 'metrics_as_of',
    ...timeOrNull,
    observed: 'metrics.asOf',
    isChange: false,
  },
  // The provider's mutable configuration of the account, under the provider's own names.
  {
    name: 'settings',
    ...as('jsonb', recordOf(z.string(), z.unknown(), MAX_MEMBERS).nullable()),
    observed: 'settings',
    isKeptBySummaries: true,
  },
  // The provider's last raw object, redacted.
  {
    name: 'remote_data',
    ...as('jsonb', recordOf(z.string(), z.unknown(), MAX_MEMBERS)),
    observed: DERIVED,
    isChange: false,
    isOnRequest: true,
  },
  {
    name: 'operations',
    column: null,
    ...as('jsonb', z.array(z.string()).max(MAX_OPERATIONS)),
    example: ['probe', 'disconnect'],
  },
  {
    name: 'labels',
    ...as('jsonb', recordOf(z.string(), z.string(), MAX_LABELS)),
    example: { brand: 'acme' },
  },
  {
    name: 'connected_at',
    ...timeOrNull,
    observed: 'connectedAt',
    example: '2026-01-15T08:30:00.000Z',
  },
  {
    name: 'last_used_at',
    ...timeOrNull,
    observed: 'lastUsedAt',
    example: '2026-02-07T18:00:00.000Z',
  },
  { name: 'provider_updated_at', ...timeOrNull, observed: 'providerUpdatedAt' },
  { name: 'last_seen_at', column: null, ...timeOrNull, example: '2026-02-09T11:45:22.000Z' },
  { name: 'created_at', ...time, example: '2026-01-15T08:31:07.000Z' },
  { name: 'updated_at', ...time, example: '2026-02-08T07:10:03.000Z' },
  { name: 'disconnected_at', ...timeOrNull },
] as const satisfies readonly Row[];

/** The table of the account's fields, in the order in which the API shows them. */
export const ACCOUNT_COLUMNS: readonly AccountColumn[] = ROWS.map((row: Row) => ({
  name: null,
  column: row.name?.split('.').at(-1) ?? null,
  observed: null,
  isChange: row.observed !== undefined && row.name !== undefined,
  isName: false,
  isKeptBySummaries: false,
  whenUntold: null,
  isOnRequest: false,
  example: null,
  ...row,
}));

type ObservedRow = Extract<(typeof ROWS)[number], { readonly observed: string }>;
type NullableRow<R extends ObservedRow> = R extends ObservedRow
  ? null extends z.output<R['schema']>
    ? R
    : never
  : never;

/**
 * The facts of an account that a provider may leave out, under the names of `ObservedAccount`: all
 * that may be `null` and are in no group. Times are RFC 3339 in UTC.
 */
export type ObservedFacts = {
  readonly [R in NullableRow<ObservedRow> as R['observed'] extends `${string}.${string}`
    ? never
    : R['observed']]?: Readonly<z.output<R['schema']>>;
};

/** The figures of `ObservedAccount.metrics`. */
export type ObservedMetrics = {
  readonly [R in ObservedRow as R['observed'] extends `metrics.${infer Metric}`
    ? Metric
    : never]: z.output<R['schema']>;
};
