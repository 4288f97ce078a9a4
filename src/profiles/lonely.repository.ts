import type pg from 'pg';
import { VERDICTS_OF_ONE } from './corroborated-health.js';
import { touchEach } from './groups.repository.js';

/** A profile of one account that nobody has seen yet. */
export interface LonelyProfile {
  readonly id: string;
  readonly accountId: string;
}

/** The verdict on an account in one text, and by it that on a profile of this account alone: `$1`. */
const OWN = `a.health_status || '/' || COALESCE(a.health_reason, '') || '/'
  || COALESCE(a.health_fault, '')`;
const VERDICTS = JSON.stringify(
  Object.fromEntries(
    VERDICTS_OF_ONE.map(({ own, status, reason }) => [
      [own.healthStatus, own.healthReason ?? '', own.healthFault ?? ''].join('/'),
      { status, reason },
    ]),
  ),
);

/** Only a newer release may know another one. */
const IS_KNOWN = `$1::jsonb ? (${OWN})`;

/** Writes profiles that are what an account `a` is, so that they need no detour over this process. */
const add = (id: string) => `INSERT INTO profiles (id, team_id, platform, username, username_key,
    display_name, followers, followers_bucket, providers, provider_count, account_count, match,
    candidates, is_contradictory, has_conflicts, health_status, health_reason, created_at,
    updated_at)
  SELECT ${id}, a.team_id, a.platform, NULLIF(a.username, ''), NULLIF(a.username_key, ''),
    NULLIF(a.display_name, ''), a.followers, a.followers_bucket, ARRAY[a.provider], 1, 1, 'none',
    '{}', FALSE, FALSE, $1::jsonb -> (${OWN}) ->> 'status', $1::jsonb -> (${OWN}) ->> 'reason',
    a.created_at, a.updated_at`;

/** Writes profiles of one new account each. @returns the ids of those that were written */
export async function addLonely(
  client: pg.ClientBase,
  profiles: readonly LonelyProfile[],
): Promise<string[]> {
  if (profiles.length === 0) return [];
  const { rows } = await client.query<{ id: string }>(
    `${add('n.id')}
     FROM unnest($2::text[], $3::text[]) AS n(id, account_id) JOIN accounts a ON a.id = n.account_id
     WHERE ${IS_KNOWN} ON CONFLICT (id) DO NOTHING RETURNING id`,
    [VERDICTS, profiles.map(({ id }) => id), profiles.map(({ accountId }) => accountId)],
  );
  return rows.map(({ id }) => id);
}

/** Whether no other account of the team has the value of `a`, each looked for by the index. */
const isUnshared = (condition: string) => `(SELECT o.id FROM accounts o
  WHERE o.team_id = $2 AND o.platform = a.platform AND o.id <> a.id AND ${condition} LIMIT 1) IS NULL`;

/** As `profileIdOf`. */
const ownProfile = (accountId: string) => `'prof_' || substr(${accountId}, 6)`;

/**
 * Writes the profiles of those new accounts that share no id and no handle with any other,
 * disconnected ones included, and has them examined for findings: a first import is mostly these.
 * Where nobody has made a choice, nothing can tie them to others, nor others over them.
 * @returns the other accounts
 */
export async function addUnshared(
  client: pg.ClientBase,
  teamId: string,
  accountIds: readonly string[],
): Promise<string[]> {
  if (accountIds.length === 0) return [];
  const { rows } = await client.query<{ id: string }>(
    `WITH added AS (
       ${add('a.profile_id')}
       FROM unnest($3::text[]) AS n(account_id) JOIN accounts a ON a.id = n.account_id
       WHERE a.profile_id = ${ownProfile('a.id')} AND a.status <> 'disconnected' AND ${IS_KNOWN}
         AND ${isUnshared('o.platform_user_id = a.platform_user_id')}
         AND (a.username_key = '' OR ${isUnshared('o.username_key = a.username_key')})
       ON CONFLICT (id) DO NOTHING RETURNING id),
     touched AS (${touchEach('$2', 'added')})
     SELECT n.id FROM unnest($3::text[]) AS n(id)
     WHERE ${ownProfile('n.id')} NOT IN (SELECT id FROM added)`,
    [VERDICTS, teamId, accountIds],
  );
  return rows.map(({ id }) => id);
}
