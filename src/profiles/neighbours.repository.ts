import type pg from 'pg';
import { lockUntilEnd } from '../database/transact.js';
import type { AccountName, ProfileConstraint } from './partition.js';
import { MAX_SHARED } from './partition.js';

/** An account as it is held, as far as its profile depends on it. */
export interface HeldAccount {
  readonly id: string;
  readonly provider: string;
  readonly providerAccountId: string;
  readonly platform: string;
  readonly platformUserId: string | null;
  readonly username: string | null;
  /** The username as accounts are matched by it. */
  readonly handle: string | null;
  readonly isLive: boolean;
  /** `null`: none was decided yet. */
  readonly profileId: string | null;
}

/** A value that accounts may share: a platform's user id or a current handle. */
export interface SharedValue {
  readonly platform: string;
  readonly value: string;
}

/** What accounts can be matched by. */
interface SharedValues {
  readonly userIds: readonly SharedValue[];
  readonly handles: readonly SharedValue[];
}

const HELD = `a.id, a.provider, a.provider_account_id AS "providerAccountId", a.platform,
  a.platform_user_id AS "platformUserId", a.username, a.username_key AS handle,
  a.status <> 'disconnected' AS "isLive", a.profile_id AS "profileId"`;

/** Rows that are looked through to find the oldest of those that share a value. */
const MAX_LOOKED_THROUGH = 5_000;

/** The oldest accounts with a value, one more than may share it. The inner limit has them found by the index. */
const sharing = (condition: string) => `LATERAL (
  SELECT * FROM (SELECT * FROM accounts WHERE team_id = $1 AND platform = k.platform AND ${condition}
    LIMIT ${MAX_LOOKED_THROUGH}) s
  ORDER BY status = 'disconnected', id LIMIT ${MAX_SHARED + 1}) a`;

/** The accounts with these ids, or in these profiles. */
export async function findAccounts(
  client: pg.ClientBase,
  teamId: string,
  by: 'id' | 'profile_id',
  ids: readonly string[],
): Promise<HeldAccount[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<HeldAccount>(
    `SELECT ${HELD} FROM accounts a WHERE a.team_id = $1 AND a.${by} = ANY($2)`,
    [teamId, ids],
  );
  return rows;
}

/**
 * Further accounts that have one of these ids, disconnected ones too, or currently one of these
 * handles.
 * @param known ids of accounts that are not read again
 */
export async function findSharing(
  client: pg.ClientBase,
  teamId: string,
  { userIds, handles }: SharedValues,
  known: readonly string[],
): Promise<HeldAccount[]> {
  if (userIds.length + handles.length === 0) return [];
  const { rows } = await client.query<HeldAccount>(
    `SELECT ${HELD} FROM unnest($2::text[], $3::text[]) AS k(platform, value)
       CROSS JOIN ${sharing('platform_user_id = k.value')} WHERE a.id <> ALL($6)
     UNION
     SELECT ${HELD} FROM unnest($4::text[], $5::text[]) AS k(platform, value)
       CROSS JOIN ${sharing(`username_key = k.value AND status <> 'disconnected'`)}
     WHERE a.id <> ALL($6)`,
    [
      teamId,
      userIds.map(({ platform }) => platform),
      userIds.map(({ value }) => value),
      handles.map(({ platform }) => platform),
      handles.map(({ value }) => value),
      known,
    ],
  );
  return rows;
}

/** Whether a person has made any choice about profiles of the team. */
export async function hasConstraints(
  client: pg.ClientBase | pg.Pool,
  teamId: string,
): Promise<boolean> {
  const { rows } = await client.query({
    name: 'has-profile-constraints',
    text: 'SELECT FROM profile_constraints WHERE team_id = $1 LIMIT 1',
    values: [teamId],
  });
  return rows.length > 0;
}

/** A choice as it is held: the greater its number, the newer it is. */
export interface HeldConstraint extends ProfileConstraint {
  readonly number: bigint;
  readonly createdAt: Date;
}

/** The choices about these accounts. */
export async function findConstraints(
  client: pg.ClientBase | pg.Pool,
  teamId: string,
  names: readonly AccountName[],
): Promise<HeldConstraint[]> {
  const { rows } = await client.query<{
    number: string;
    kind: ProfileConstraint['kind'];
    one_provider: string;
    one_account_id: string;
    other_provider: string;
    other_account_id: string;
    created_at: Date;
  }>(
    `SELECT DISTINCT c.number, c.kind, c.one_provider, c.one_account_id, c.other_provider,
       c.other_account_id, c.created_at
     FROM unnest($2::text[], $3::text[]) AS n(provider, account_id)
     JOIN profile_constraints c ON c.team_id = $1
       AND ((c.one_provider, c.one_account_id) = (n.provider, n.account_id)
         OR (c.other_provider, c.other_account_id) = (n.provider, n.account_id))`,
    [teamId, names.map(({ provider }) => provider), names.map((name) => name.providerAccountId)],
  );
  return rows.map((row) => ({
    number: BigInt(row.number),
    createdAt: row.created_at,
    kind: row.kind,
    one: { provider: row.one_provider, providerAccountId: row.one_account_id },
    other: { provider: row.other_provider, providerAccountId: row.other_account_id },
  }));
}

/** The accounts that have these names, on any connection. */
export async function findNamed(
  client: pg.ClientBase,
  teamId: string,
  names: readonly AccountName[],
): Promise<HeldAccount[]> {
  if (names.length === 0) return [];
  const { rows } = await client.query<HeldAccount>(
    `SELECT ${HELD} FROM unnest($2::text[], $3::text[]) AS n(provider, account_id)
     JOIN accounts a ON a.team_id = $1 AND a.provider_account_id = n.account_id
       AND a.provider = n.provider`,
    [teamId, names.map(({ provider }) => provider), names.map((name) => name.providerAccountId)],
  );
  return rows;
}

/** Has nobody else decide on profiles of the team until the transaction ends. */
export const lockTeam = (client: pg.ClientBase, teamId: string) =>
  lockUntilEnd(client, `profiles of ${teamId}`);
