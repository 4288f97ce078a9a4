import type pg from 'pg';

/** What a write of accounts may have changed about the profiles of one team. */
export interface Touches {
  readonly teamId: string;
  /** Accounts that are new, or whose platform, ids, handle or being there changed. */
  readonly accountIds: readonly string[];
  /** Those of them that are new. */
  readonly addedIds: ReadonlySet<string>;
  /** What such accounts were before. */
  readonly former: readonly FormerState[];
  /** Profiles of accounts that changed in any way. */
  readonly profileIds: readonly string[];
  /** Those of accounts whose rows are gone: choices about these lead nowhere from them. */
  readonly bereftIds: readonly string[];
}

/** By what an account was found before it changed. */
interface FormerState {
  readonly platform: string;
  readonly platformUserId: string | null;
  readonly handle: string | null;
}

/** Nothing, of no team yet. */
export const NO_TOUCHES: Omit<Touches, 'teamId'> = {
  accountIds: [],
  addedIds: new Set(),
  former: [],
  profileIds: [],
  bereftIds: [],
};

const COLUMNS = `team_id AS "teamId", account_ids AS "accountIds", platforms, user_ids AS "userIds",
  handles, profile_ids AS "profileIds", is_added AS "isAdded"`;

interface TouchRow {
  readonly teamId: string;
  readonly accountIds: readonly string[];
  readonly platforms: readonly string[];
  readonly userIds: readonly (string | null)[];
  readonly handles: readonly (string | null)[];
  readonly profileIds: readonly string[];
  readonly isAdded: boolean;
}

/** Takes what the transaction of `client` has touched so far, by team. */
export async function takeOwnTouches(client: pg.ClientBase): Promise<Touches[]> {
  const { rows } = await client.query<TouchRow>({
    name: 'take-own-profile-touches',
    text: `DELETE FROM profile_touches
      WHERE transaction_id = pg_current_xact_id()::text::bigint RETURNING ${COLUMNS}`,
  });
  const byTeam = new Map<string, TouchRow[]>();
  for (const row of rows) byTeam.set(row.teamId, [...(byTeam.get(row.teamId) ?? []), row]);
  // Teams are locked one after the other, by everyone in the same order.
  return [...byTeam.values()]
    .map(asTouches)
    .sort((one, other) => (one.teamId < other.teamId ? -1 : 1));
}

/** Leaves touches to the recurring job. @param client within the transaction that took them */
export async function leaveTouches(client: pg.ClientBase, touches: Touches): Promise<void> {
  const { teamId, accountIds, former, profileIds } = touches;
  await client.query(
    `INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      ...[teamId, accountIds, former.map(({ platform }) => platform)],
      ...[former.map(({ platformUserId }) => platformUserId), former.map(({ handle }) => handle)],
      profileIds,
    ],
  );
}

/**
 * Takes one piece of what others left: writes that settled nothing, such as those of a former
 * release.
 * @param client within the transaction that settles it
 */
export async function takeLeftTouches(client: pg.ClientBase): Promise<Touches | undefined> {
  const { rows } = await client.query<TouchRow>({
    name: 'take-left-profile-touches',
    text: `DELETE FROM profile_touches WHERE id = (
        SELECT id FROM profile_touches ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING ${COLUMNS}`,
  });
  // Someone may have decided on new accounts meanwhile.
  return rows.length === 0 ? undefined : { ...asTouches(rows), addedIds: new Set() };
}

/**
 * Has accounts decided anew although no row of theirs changed: after a choice about them.
 * @param client within the transaction of the choice, which settles it
 */
export async function touchAccounts(
  client: pg.ClientBase,
  teamId: string,
  accountIds: readonly string[],
): Promise<void> {
  await leaveTouches(client, { ...NO_TOUCHES, teamId, accountIds });
}

/** It tells what accounts were and names none: they are no more. */
const isOfDeletion = ({ accountIds, platforms }: TouchRow) =>
  accountIds.length === 0 && platforms.length > 0;

/** @param rows of one team, one at least */
function asTouches(rows: readonly TouchRow[]): Touches {
  return {
    teamId: rows[0]?.teamId ?? '',
    accountIds: [...new Set(rows.flatMap(({ accountIds }) => accountIds))],
    addedIds: new Set(rows.flatMap(({ accountIds, isAdded }) => (isAdded ? accountIds : []))),
    former: rows.flatMap(({ platforms, userIds, handles }) =>
      platforms.map((platform, index) => ({
        platform,
        platformUserId: userIds[index] ?? null,
        handle: handles[index] ?? null,
      })),
    ),
    profileIds: [...new Set(rows.flatMap(({ profileIds }) => profileIds))],
    bereftIds: rows.filter(isOfDeletion).flatMap(({ profileIds }) => profileIds),
  };
}
