import type pg from 'pg';
import type { Caller } from '../http/caller.js';
import { type ConstraintChanges, inOrder } from './choice.js';
import type { ProfileConstraint } from './partition.js';

/** A constraint as its row is: what its reversal brings back, precedence and all. */
interface StoredConstraint {
  readonly kind: ProfileConstraint['kind'];
  readonly one_provider: string;
  readonly one_account_id: string;
  readonly other_provider: string;
  readonly other_account_id: string;
  readonly number: string;
  readonly key_id: string | null;
  readonly key_name: string | null;
  readonly reason: string | null;
  readonly created_at: string;
}

/** What a choice did to the constraints. */
export interface Choice {
  readonly added: readonly StoredConstraint[];
  readonly removed: readonly StoredConstraint[];
}

/** Where a profile's id leads. */
interface FoundProfile {
  /** `null`: there is no such profile any more. */
  readonly platform: string | null;
  /** The profile that has its accounts; `null`: it is no former id. */
  readonly mergedInto: string | null;
  /** Whether the caller may see any of the accounts. */
  readonly isVisible: boolean;
}

/** An entry of the history that may be reverted. */
interface ChoiceEntry {
  readonly number: string;
  readonly profileId: string;
  readonly accountId: string | null;
  readonly evidence: readonly object[];
  readonly choice: Choice | null;
  readonly revertedBy: string | null;
}

const PAIR = 'one_provider, one_account_id, other_provider, other_account_id';
const COLUMNS = `kind, ${PAIR}, number::text AS number, key_id, key_name, reason, created_at`;
const PAIR_TYPES = PAIR.replaceAll(',', ' text,').concat(' text');
const RECORD = `r(kind text, ${PAIR_TYPES}, number bigint, key_id text, key_name text,
  reason text, created_at timestamptz)`;

const rowOf = ({ kind, ...constraint }: ProfileConstraint) => {
  const [one, other] = inOrder(constraint.one, constraint.other);
  return {
    kind,
    one_provider: one.provider,
    one_account_id: one.providerAccountId,
    other_provider: other.provider,
    other_account_id: other.providerAccountId,
  };
};

const OPPOSITE = { must_link: 'cannot_link', cannot_link: 'must_link' } as const;

/** Deletes constraints of these pairs and kinds. */
async function remove(
  client: pg.ClientBase,
  teamId: string,
  rows: readonly object[],
): Promise<StoredConstraint[]> {
  if (rows.length === 0) return [];
  const { rows: removed } = await client.query<StoredConstraint>(
    `DELETE FROM profile_constraints WHERE team_id = $1 AND (kind, ${PAIR}) IN (
       SELECT kind, ${PAIR} FROM jsonb_to_recordset($2::jsonb) AS ${RECORD})
     RETURNING ${COLUMNS}`,
    [teamId, JSON.stringify(rows)],
  );
  return removed;
}

/**
 * Writes what a choice changes. A constraint that is there already stays as it is.
 * @param client within the transaction that holds the team's profiles locked
 */
export async function applyChanges(
  client: pg.ClientBase,
  caller: Caller,
  { added, removed }: ConstraintChanges,
  reason: string | null,
  at: Date,
): Promise<Choice> {
  const { teamId, key } = caller;
  const replaced = added.map(({ kind, ...pair }) => rowOf({ ...pair, kind: OPPOSITE[kind] }));
  const gone = await remove(client, teamId, [...removed.map(rowOf), ...replaced]);
  const { rows } = await client.query<StoredConstraint>(
    `INSERT INTO profile_constraints (team_id, kind, ${PAIR}, key_id, key_name, reason, created_at)
     SELECT $1, r.kind, ${PAIR}, $3, $4, $5, $6
     FROM ROWS FROM (jsonb_to_recordset($2::jsonb) AS (kind text, ${PAIR_TYPES}))
       WITH ORDINALITY AS r(kind, ${PAIR}, position)
     ORDER BY position ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    [teamId, JSON.stringify(added.map(rowOf)), key.id, key.name, reason, at],
  );
  return { added: rows, removed: gone };
}

/** Undoes a choice that still holds. @returns what that did */
export async function undoChoice(
  client: pg.ClientBase,
  teamId: string,
  { added, removed }: Choice,
): Promise<Choice> {
  const gone = await remove(client, teamId, added);
  const { rows } = await client.query<StoredConstraint>(
    `INSERT INTO profile_constraints (team_id, kind, ${PAIR}, number, key_id, key_name, reason,
       created_at)
     SELECT $1, kind, ${PAIR}, number, key_id, key_name, reason, created_at
     FROM jsonb_to_recordset($2::jsonb) AS ${RECORD} RETURNING ${COLUMNS}`,
    [teamId, JSON.stringify(removed)],
  );
  return { added: rows, removed: gone };
}

/** Whether the constraints between the pairs of a choice are those that it left. */
export async function stillHolds(
  client: pg.ClientBase,
  teamId: string,
  { added, removed }: Choice,
): Promise<boolean> {
  const { rows } = await client.query<StoredConstraint>(
    `SELECT ${COLUMNS} FROM profile_constraints WHERE team_id = $1 AND (${PAIR}) IN (
       SELECT ${PAIR} FROM jsonb_to_recordset($2::jsonb) AS ${RECORD})`,
    [teamId, JSON.stringify([...added, ...removed])],
  );
  const expected = new Set(added.map(({ number }) => number));
  return rows.length === expected.size && rows.every(({ number }) => expected.has(number));
}

/** The newest later choice about a pair of this one that was not reverted. */
export async function findLaterChoice(
  client: pg.ClientBase,
  teamId: string,
  number: string,
  { added, removed }: Choice,
): Promise<{ readonly number: string; readonly profileId: string } | undefined> {
  const { rows } = await client.query<{ number: string; profileId: string }>(
    `SELECT h.number, h.profile_id AS "profileId" FROM profile_history h
     WHERE h.team_id = $1 AND h.number > $2 AND h.choice IS NOT NULL AND h.reverted_by IS NULL
       AND EXISTS (SELECT FROM jsonb_to_recordset((h.choice -> 'added') || (h.choice -> 'removed'))
           AS c(${PAIR_TYPES})
         WHERE (${PAIR}) IN (SELECT ${PAIR} FROM jsonb_to_recordset($3::jsonb) AS ${RECORD}))
     ORDER BY h.number DESC LIMIT 1`,
    [teamId, number, JSON.stringify([...added, ...removed])],
  );
  return rows[0];
}

/** An entry of a profile's history, or of a former profile that was merged into it. */
export async function findEntry(
  client: pg.ClientBase,
  teamId: string,
  profileId: string,
  number: string,
): Promise<ChoiceEntry | undefined> {
  const { rows } = await client.query<ChoiceEntry>(
    `SELECT h.number, h.profile_id AS "profileId", h.account_id AS "accountId", h.evidence, h.choice,
       h.reverted_by AS "revertedBy"
     FROM profile_history h WHERE h.number = $1 AND h.team_id = $2 AND (h.profile_id = $3
       OR h.profile_id IN (SELECT id FROM profile_redirects WHERE merged_into = $3))`,
    [number, teamId, profileId],
  );
  return rows[0];
}

/** Notes which entry reverted which; what the reverted one had reverted itself holds again. */
export async function noteReverted(
  client: pg.ClientBase,
  teamId: string,
  number: string,
  revertedBy: bigint,
): Promise<void> {
  await client.query(
    `UPDATE profile_history SET reverted_by = CASE WHEN number = $2 THEN $3::bigint END
     WHERE team_id = $1 AND (number = $2 OR number < $2 AND reverted_by = $2)`,
    [teamId, number, revertedBy],
  );
}

/** Finds a profile that the caller sees, and the profile that it was merged into. */
export async function findProfile(
  client: pg.ClientBase,
  { teamId, key }: Caller,
  id: string,
): Promise<FoundProfile> {
  const { rows } = await client.query<FoundProfile>(
    `SELECT p.platform, r.merged_into AS "mergedInto", EXISTS (
       SELECT FROM accounts a WHERE a.profile_id = COALESCE(p.id, r.merged_into)
         AND a.status <> 'disconnected' AND (cardinality($3::text[]) = 0 OR a.provider = ANY($3))
       ) AS "isVisible"
     FROM (SELECT $1::text AS id) i LEFT JOIN profiles p ON p.id = i.id AND p.team_id = $2
     LEFT JOIN profile_redirects r ON r.id = i.id AND r.team_id = $2`,
    [id, teamId, key.providers],
  );
  return rows[0] ?? { platform: null, mergedInto: null, isVisible: false };
}

/** The accounts of profiles, disconnected ones too, oldest first. */
export async function accountIdsOf(
  client: pg.ClientBase,
  teamId: string,
  profileIds: readonly string[],
  limit: number,
): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM accounts WHERE team_id = $1 AND profile_id = ANY($2) ORDER BY id LIMIT $3`,
    [teamId, profileIds, limit],
  );
  return rows.map(({ id }) => id);
}

/**
 * Does something and undoes all that it wrote.
 * @param client within a transaction, which goes on as if nothing was done
 */
export async function undone<Result>(
  client: pg.ClientBase,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query('SAVEPOINT before_trial');
  const result = await work();
  await client.query('ROLLBACK TO SAVEPOINT before_trial');
  return result;
}
