import type pg from 'pg';
import type { HistoryEntry } from './profile-changes.js';

/** A profile as lists hold it. */
export interface ProfileRow {
  readonly id: string;
  readonly platform: string;
  readonly username: string | null;
  readonly username_key: string | null;
  readonly display_name: string | null;
  readonly followers: number | null;
  readonly providers: readonly string[];
  readonly provider_count: number;
  readonly account_count: number;
  readonly match: string;
  readonly candidates: readonly string[];
  readonly is_contradictory: boolean;
  readonly has_conflicts: boolean;
  readonly health_status: string;
  readonly health_reason: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** What of a profile was shown before. */
export interface ShownProfile {
  readonly id: string;
  readonly match: string;
  readonly candidates: readonly string[];
  readonly isContradictory: boolean;
  readonly healthStatus: string;
  readonly healthReason: string | null;
}

/** Who asked for a change: a caller's key, or nobody. */
export interface ProfileActor {
  readonly keyId: string | null;
  readonly keyName: string | null;
  readonly requestId: string | null;
}

/** Those of these profiles that there are, locked until the transaction ends, each in its turn. */
export async function lockProfiles(
  client: pg.ClientBase,
  ids: readonly string[],
): Promise<ShownProfile[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<ShownProfile>(
    `SELECT id, match, candidates, is_contradictory AS "isContradictory",
       health_status AS "healthStatus", health_reason AS "healthReason"
     FROM profiles WHERE id = ANY($1) ORDER BY id FOR UPDATE`,
    [ids],
  );
  return rows;
}

/**
 * Locks those of these accounts that no other transaction has written and not yet committed.
 * @returns how many
 */
export async function lockFreeAccounts(
  client: pg.ClientBase,
  ids: readonly string[],
): Promise<number> {
  if (ids.length === 0) return 0;
  const { rowCount } = await client.query(
    'SELECT FROM accounts WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED',
    [ids],
  );
  return rowCount ?? 0;
}

/** Puts accounts into profiles. @param at `null`: nobody has seen them yet */
export async function moveAccounts(
  client: pg.ClientBase,
  moves: readonly { readonly id: string; readonly to: string }[],
  at: Date | null,
): Promise<void> {
  if (moves.length === 0) return;
  await client.query(
    `UPDATE accounts a SET profile_id = m.profile_id, updated_at = GREATEST(a.updated_at, $3)
     FROM unnest($1::text[], $2::text[]) AS m(id, profile_id) WHERE a.id = m.id`,
    [moves.map(({ id }) => id), moves.map(({ to }) => to), at],
  );
}

const TYPES: Readonly<Record<keyof ProfileRow, string>> = {
  id: 'text',
  platform: 'text',
  username: 'text',
  username_key: 'text',
  display_name: 'text',
  followers: 'bigint',
  providers: 'text[]',
  provider_count: 'int',
  account_count: 'int',
  match: 'text',
  candidates: 'text[]',
  is_contradictory: 'boolean',
  has_conflicts: 'boolean',
  health_status: 'text',
  health_reason: 'text',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
};
const COLUMNS = Object.keys(TYPES).join(', ');
const SUMS = Object.keys(TYPES).filter((column) => column !== 'id' && column !== 'updated_at');
/**
 * What of a profile no time of its accounts tells: one that left takes its own along. Names and
 * figures come with a time of theirs, and figures alone move none.
 */
const MADE_UP = [
  'providers',
  'provider_count',
  'account_count',
  'match',
  'candidates',
  'is_contradictory',
  'health_status',
  'health_reason',
] as const satisfies readonly (keyof ProfileRow)[];

const listOf = (columns: readonly string[], row: string) =>
  `(${columns.map((column) => `${row}.${column}`).join(', ')})`;
const differ = (columns: readonly string[]) =>
  `${listOf(columns, 'p')} IS DISTINCT FROM ${listOf(columns, 'EXCLUDED')}`;

/**
 * Writes profiles where they differ from what is held. `updated_at` never goes back.
 * @param at that of profiles which are made up otherwise than they were
 */
export async function saveProfiles(
  client: pg.ClientBase,
  teamId: string,
  rows: readonly ProfileRow[],
  at: Date,
): Promise<void> {
  if (rows.length === 0) return;
  const typed = Object.entries(TYPES).map(([column, type]) => `${column} ${type}`);
  await client.query(
    `INSERT INTO profiles AS p (team_id, followers_bucket, ${COLUMNS})
     SELECT $1, followers_bucket(followers), ${COLUMNS}
     FROM jsonb_to_recordset($2::jsonb) AS r(${typed.join(', ')})
     ON CONFLICT (id) DO UPDATE
     SET ${SUMS.map((column) => `${column} = EXCLUDED.${column}`).join(', ')},
       updated_at = GREATEST(p.updated_at, EXCLUDED.updated_at,
         CASE WHEN ${differ(MADE_UP)} THEN $3::timestamptz END)
     WHERE EXCLUDED.updated_at > p.updated_at OR ${differ(SUMS)}`,
    [teamId, JSON.stringify(rows), at],
  );
}

/** Deletes those of these profiles that have no account any more. @returns their ids */
export async function deleteEmptyProfiles(
  client: pg.ClientBase,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<{ id: string }>(
    `DELETE FROM profiles p WHERE p.id = ANY($1) AND NOT EXISTS (
       SELECT FROM accounts a WHERE a.profile_id = p.id AND a.status <> 'disconnected')
     RETURNING p.id`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

/** The accounts after an id, of all teams, in the order of their ids. */
export async function findPage(
  pool: pg.Pool,
  after: string,
  limit: number,
): Promise<{ readonly id: string; readonly teamId: string }[]> {
  const { rows } = await pool.query(
    `SELECT id, team_id AS "teamId" FROM accounts
     WHERE id > $1 AND status <> 'disconnected' ORDER BY id LIMIT $2`,
    [after, limit],
  );
  return rows;
}

/** Profiles that no account is in. @returns their ids */
export async function findOrphans(pool: pg.Pool, limit: number): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT p.id FROM profiles p WHERE NOT EXISTS (
       SELECT FROM accounts a WHERE a.profile_id = p.id AND a.status <> 'disconnected') LIMIT $1`,
    [limit],
  );
  return rows.map(({ id }) => id);
}

/** Connected accounts and profiles, of all teams. */
export async function countProfiles(
  pool: pg.Pool,
): Promise<{ readonly accounts: number; readonly profiles: number }> {
  const { rows } = await pool.query<{ accounts: number; profiles: number }>(
    'SELECT COALESCE(sum(account_count), 0)::int AS accounts, count(*)::int AS profiles FROM profiles',
  );
  return rows[0] ?? { accounts: 0, profiles: 0 };
}

/** Notes where former ids lead; none leads to another former id, and none is that of a profile. */
export async function saveRedirects(
  client: pg.ClientBase,
  teamId: string,
  redirects: readonly { readonly id: string; readonly mergedInto: string }[],
  living: readonly string[],
  at: Date,
): Promise<void> {
  if (living.length > 0)
    await client.query('DELETE FROM profile_redirects WHERE id = ANY($1)', [living]);
  if (redirects.length === 0) return;
  const values = [redirects.map(({ id }) => id), redirects.map(({ mergedInto }) => mergedInto)];
  await client.query(
    `UPDATE profile_redirects r SET merged_into = n.merged_into
     FROM unnest($1::text[], $2::text[]) AS n(id, merged_into) WHERE r.merged_into = n.id`,
    values,
  );
  await client.query(
    `INSERT INTO profile_redirects (id, team_id, merged_into, merged_at)
     SELECT n.id, $3, n.merged_into, $4 FROM unnest($1::text[], $2::text[]) AS n(id, merged_into)
     ON CONFLICT (id) DO UPDATE
     SET merged_into = EXCLUDED.merged_into, merged_at = EXCLUDED.merged_at`,
    [...values, teamId, at],
  );
}

/** Profiles that one row of the queue names: a batch of whoever takes them holds several. */
const TOUCHES_AT_ONCE = 250;

/** A statement that has each profile of a relation examined for findings soon, by its `id`. */
export const touchEach = (teamId: string, relation: string) =>
  `INSERT INTO finding_touches (team_id, profile_ids)
   SELECT ${teamId}, array_agg(id)
   FROM (SELECT id, row_number() OVER () AS place FROM ${relation}) AS placed
   GROUP BY place / ${TOUCHES_AT_ONCE}`;

/** Has profiles examined for findings soon: those that changed, and those that are gone. */
export async function touchFindings(
  client: pg.ClientBase,
  teamId: string,
  profileIds: readonly string[],
): Promise<void> {
  if (profileIds.length === 0) return;
  await client.query({
    name: 'touch-findings',
    text: touchEach('$1', 'unnest($2::text[]) AS p(id)'),
    values: [teamId, profileIds],
  });
}

/**
 * @param choice of a manual choice: the constraints that it made and replaced
 * @returns the numbers of the entries, in their order
 */
export async function recordHistory(
  client: pg.ClientBase,
  teamId: string,
  entries: readonly (HistoryEntry & {
    readonly choice?: object;
    readonly reason?: string | null;
  })[],
  actor: ProfileActor,
  at: Date,
): Promise<bigint[]> {
  if (entries.length === 0) return [];
  const rows = entries.map(({ profileId, accountId, ...entry }) => ({
    profile_id: profileId,
    account_id: accountId,
    ...entry,
  }));
  const { rows: recorded } = await client.query<{ number: string }>(
    `INSERT INTO profile_history (team_id, profile_id, action, account_id, rule, evidence, choice,
       reason, key_id, key_name, request_id, at)
     SELECT $2, r.profile_id, r.action, r.account_id, r.rule, r.evidence, r.choice, r.reason, $3, $4,
       $5, $6
     FROM jsonb_to_recordset($1::jsonb) AS r(profile_id text, action text, account_id text, rule text,
       evidence jsonb, choice jsonb, reason text)
     RETURNING number`,
    [JSON.stringify(rows), teamId, actor.keyId, actor.keyName, actor.requestId, at],
  );
  return recorded.map(({ number }) => BigInt(number));
}
