import { z } from 'zod';
import type { Parameters } from '../database/sql.js';
import { followersOrder, type OrderColumn } from '../http/keyset.js';
import { commaSeparated, idOf, time } from '../http/validate.js';
import { ACCOUNT_STATUSES, HEALTH_REASONS, HEALTH_STATUSES, recordOf } from '../model/index.js';
import { providerId } from '../providers/index.js';

/** Labels that one filter may name. */
const MAX_FILTER_LABELS = 10;

const word = z.string().min(1).max(200);
const oneOf = <Value extends string>(values: readonly [Value, ...Value[]]) =>
  commaSeparated(z.enum(values, { error: `must be one of: ${values.join(', ')}` }));

/** The filters of every list of accounts: AND between them, OR between comma-separated values. */
export function accountFilterFields(providers: readonly string[]) {
  return {
    provider: commaSeparated(providerId(providers))
      .optional()
      .meta({ description: 'Only accounts at these providers.' }),
    platform: commaSeparated(word.toLowerCase())
      .optional()
      .meta({ description: 'Only accounts on these platforms.' }),
    status: oneOf(ACCOUNT_STATUSES).optional().meta({
      description:
        'Only accounts with these statuses. Disconnected accounts are left out unless requested here.',
    }),
    health: oneOf(HEALTH_STATUSES)
      .optional()
      .meta({ description: 'Only accounts with these health statuses.' }),
    reason: oneOf(HEALTH_REASONS)
      .optional()
      .meta({ description: 'Only accounts with these health reasons.' }),
    connection_id: commaSeparated(idOf('conn', 'a connection'))
      .optional()
      .meta({ description: 'Only accounts of these connections.' }),
    profile_id: commaSeparated(idOf('prof', 'a profile')).optional().meta({
      description:
        'Only accounts of these profiles; a former id stands for the profile that has its accounts now.',
    }),
    username: commaSeparated(word)
      .optional()
      .meta({ description: 'Only accounts with these usernames, compared without case.' }),
    q: word.optional().meta({ description: 'Part of the username or the display name.' }),
    label: recordOf(
      z.string().min(1).max(64),
      commaSeparated(z.string().max(256)),
      MAX_FILTER_LABELS,
    )
      .meta({
        wire: {
          type: 'object',
          additionalProperties: { type: 'string', minLength: 1, maxLength: 256 },
          maxProperties: MAX_FILTER_LABELS,
        },
      })
      .optional()
      .meta({
        description: `Only accounts with these labels, such as \`label[brand]=acme\`; at most ${MAX_FILTER_LABELS}.`,
        examples: [{ brand: 'acme' }],
      }),
    updated_since: time.optional().meta({
      description:
        'Only accounts changed at or after this time. Changes of metrics alone count once a day.',
    }),
  };
}

export type AccountFilter = z.output<z.ZodObject<ReturnType<typeof accountFilterFields>>>;

export const ORDER_KEYS = [
  'created_at',
  'connected_at',
  'updated_at',
  'username',
  'followers',
  'health_since',
] as const;
export type OrderKey = (typeof ORDER_KEYS)[number];

/** How each order key is held: its column, its type, and whether it can be null. */
export const ORDER: Readonly<Record<OrderKey, OrderColumn>> = {
  created_at: { column: 'a.created_at', type: 'timestamptz', nullable: false },
  updated_at: { column: 'a.updated_at', type: 'timestamptz', nullable: false },
  connected_at: { column: 'a.connected_at', type: 'timestamptz', nullable: true },
  username: { column: 'a.username_key', type: 'text', nullable: true },
  followers: followersOrder('a'),
  health_since: { column: 'a.health_since', type: 'timestamptz', nullable: false },
};

/**
 * The filter as SQL conditions on `a`. Disconnected accounts are left out unless asked for by
 * status.
 * @param visibleProviders the only providers the caller may see; empty: all
 */
export function filterConditions(
  teamId: string,
  visibleProviders: readonly string[],
  filter: AccountFilter,
  parameters: Parameters,
): string {
  const conditions = rowConditions(teamId, visibleProviders, filter, parameters);
  return [conditions, ...nameConditions(filter, parameters)].join(' AND ');
}

/**
 * What adds to the conditions of a row that the index of names finds it, in the words of the index:
 * for one row it is much work.
 */
export function nameConditions({ q }: AccountFilter, parameters: Parameters): string[] {
  if (q === undefined) return [];
  const names = ['a.username', 'a.display_name'].map(composed).join(', ');
  const part = parameters.add(q.normalize('NFC'));
  return [`rollcall_name_parts(${names}) @@ rollcall_part_query(${part})`];
}

/** As `filterConditions`, in words that are for rows that are looked at one by one. */
export function rowConditions(
  teamId: string,
  visibleProviders: readonly string[],
  filter: AccountFilter,
  parameters: Parameters,
): string {
  const conditions = [`a.team_id = ${parameters.add(teamId)}`];
  const among = (column: string, values: readonly string[] | undefined) => {
    if (values !== undefined) conditions.push(`${column} = ANY(${parameters.add(values)}::text[])`);
  };
  if (visibleProviders.length > 0) among('a.provider', visibleProviders);
  among('a.provider', filter.provider);
  among('a.platform', filter.platform);
  among('a.status', filter.status);
  if (filter.status === undefined) conditions.push(`a.status <> 'disconnected'`);
  among('a.health_status', filter.health);
  among('a.health_reason', filter.reason);
  among('a.connection_id', filter.connection_id);
  if (filter.profile_id !== undefined) conditions.push(isOfProfiles(filter.profile_id, parameters));
  among('a.username_key', filter.username?.map(usernameKey));
  conditions.push(...labelConditions(filter.label, parameters));
  if (filter.q !== undefined) {
    const part = filter.q.normalize('NFC').replace(/[\\%_]/g, '\\$&');
    const pattern = parameters.add(`%${part}%`);
    const [username, displayName] = ['a.username', 'a.display_name'].map(composed);
    conditions.push(`(${username} ILIKE ${pattern} OR ${displayName} ILIKE ${pattern})`);
  }
  if (filter.updated_since !== undefined)
    conditions.push(`a.updated_at >= ${parameters.add(filter.updated_since)}`);
  return conditions.join(' AND ');
}

/**
 * Whether the account `a` is of one of these profiles; a former id leads to the profile that has its
 * accounts now.
 */
export function isOfProfiles(ids: readonly string[], parameters: Parameters): string {
  return `a.profile_id = ANY(ARRAY(SELECT COALESCE(r.merged_into, w.id)
    FROM unnest(${parameters.add(ids)}::text[]) AS w(id) LEFT JOIN profile_redirects r ON r.id = w.id))`;
}

/** SQL: whether an account has a label, in the words of the indexes of those that have. */
export const IS_LABELLED = `a.labels::text <> '{}'`;

/**
 * Labels as two conditions at most, so that their number makes no other statement: one in the words
 * of the index `accounts_labelled_idx`, which leaves out accounts without labels, and one for all further
 * labels. PostgreSQL expects as many rows as have the first one: of many it finds a page along the order.
 */
function labelConditions(filter: AccountFilter['label'], parameters: Parameters): string[] {
  const wanted = Object.entries(filter ?? {}).map(([key, values]) =>
    values.map((value) => ({ [key]: value })),
  );
  const [first, ...others] = wanted;
  if (first === undefined) return [];
  const alternatives = parameters.add(first.map((label) => JSON.stringify(label)));
  const indexed = `${IS_LABELLED} AND a.labels @> ANY(${alternatives}::jsonb[])`;
  if (others.length === 0) return [indexed];
  const rest = parameters.add(JSON.stringify(others));
  return [
    indexed,
    `NOT EXISTS (SELECT FROM jsonb_array_elements(${rest}::jsonb) AS w(any_of)
       WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(w.any_of) AS o(label)
         WHERE a.labels @> o.label))`,
  ];
}

/** A text in Unicode's composed form (NFC), whichever form its provider writes. */
const composed = (column: string) => `rollcall_nfc(${column})`;

/** What a username is found and sorted by: no leading `@`, no case, composed letters (NFC). */
export function usernameKey(username: string): string {
  return username.replace(/^@/, '').normalize('NFC').toLowerCase().normalize('NFC');
}
