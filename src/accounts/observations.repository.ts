import type pg from 'pg';
import { newId } from '../lib/ids.js';
import { stableUrls } from '../lib/url-parameters.js';
import { ACCOUNT_COLUMNS, type HealthReason, type HealthStatus } from '../model/index.js';
import { LOOKED_AT } from './accounts.sql.js';
import { type AccountChange, recordChanges } from './changes.repository.js';
import type { AccountRecord } from './record.js';

/** The account's key in its connection: never written again. */
const KEY = 'provider_account_id';

/** Columns that an observation sets. */
const OBSERVED = [
  ...ACCOUNT_COLUMNS.flatMap(({ column, observed, ...row }) =>
    column === null || observed === null || column === KEY ? [] : [{ column, ...row }],
  ),
  {
    column: 'content_hash',
    type: 'text',
    name: null,
    isChange: false,
    isKeptBySummaries: false,
    whenUntold: null,
  },
];

/** A column whose change is reported, and the field of the Account that it is reported as. */
const CHANGES = OBSERVED.flatMap(({ name, column, isChange }) =>
  isChange && name !== null ? [{ column, field: name.split('.')[0] }] : [],
);

const columns = OBSERVED.map(({ column }) => column);
const fieldColumns = CHANGES.map(({ column }) => column);
const differing = [...new Set(CHANGES.map(({ field }) => field))].map((field) => {
  const behind = CHANGES.filter((change) => change.field === field);
  const row = (table: string) => `(${behind.map(({ column }) => `${table}.${column}`).join(', ')})`;
  const samePicture = field === 'avatar_url' ? 'AND NOT i.same_picture' : '';
  return `CASE WHEN ${row('a')} IS DISTINCT FROM ${row('k')} ${samePicture} THEN '${field}' END`;
});
const assignments = OBSERVED.map(({ name, column, isKeptBySummaries, whenUntold }) => {
  if (!isKeptBySummaries && whenUntold === null) {
    // A health report alone lacks what the list tells.
    return name === null || name.startsWith('health.')
      ? `${column} = i.${column}`
      : `${column} = CASE WHEN i.coverage = 'health' THEN COALESCE(i.${column}, a.${column}) ELSE i.${column} END`;
  }
  // An account that comes back has a status again.
  const held = column === 'status' ? `NULLIF(a.status, 'disconnected')` : `a.${column}`;
  return `${column} = COALESCE(i.${column}, ${held}${orElse(whenUntold)})`;
});
const firstValues = OBSERVED.map(({ column, whenUntold }) =>
  whenUntold === null ? `i.${column}` : `COALESCE(i.${column}${orElse(whenUntold)})`,
);
function orElse(whenUntold: string | null): string {
  return whenUntold === null ? '' : `, '${whenUntold}'`;
}
const recordset = [
  'id text',
  'same_picture boolean',
  'coverage text',
  `${KEY} text`,
  ...OBSERVED.map(({ column, type }) => `${column} ${type}`),
].join(', ');

/**
 * The account that `i` is about, looked up by its index entry. Given a join, the planner reads a
 * whole connection for each batch while its statistics are older than the import that grows it; the
 * LIMIT keeps it from making a join of this.
 */
function oneByOne(connectionId: string, lock: '' | 'FOR UPDATE' = ''): string {
  return `(SELECT * FROM accounts WHERE connection_id = ${connectionId} AND provider_account_id = i.provider_account_id LIMIT 1 ${lock})`;
}

/** Stays where a sweep that began after the look set or confirmed it. */
const unlessSweptSince = (column: string) => `CASE WHEN c.swept_at > $5 THEN a.${column} END`;

/**
 * One statement a batch. $1 the records, $2 connection, $3 team, $4 provider, $5 when the provider
 * was asked. What is known is locked as it is read, so that of two looks at once the second reports
 * its change from what the first has left, and not the same once more. Left alone are rows
 * whose content is the same, rows that a later look has confirmed, accounts that are being
 * disconnected, and accounts whose disconnect is younger than the look.
 */
const WRITE = `
WITH incoming AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(${recordset})),
known AS MATERIALIZED (
  SELECT a.id, a.provider_account_id, a.health_status, a.health_reason, a.disconnected_at, ${fieldColumns.map((column) => `a.${column}`).join(', ')}
  FROM incoming i CROSS JOIN LATERAL ${oneByOne('$2', 'FOR UPDATE')} a
),
changed AS (
  UPDATE accounts a SET ${assignments.join(', ')},
    checked_at = $5, updated_at = $5, missing_since = ${unlessSweptSince('missing_since')}, quarantined_at = ${unlessSweptSince('quarantined_at')},
    disconnected_at = NULL, disconnect_cause = NULL, disconnect_id = NULL,
    health_since = CASE WHEN (a.health_status, a.health_reason) IS DISTINCT FROM (i.health_status, i.health_reason) THEN $5 ELSE a.health_since END
  FROM incoming i JOIN known k USING (provider_account_id) CROSS JOIN (SELECT swept_at FROM connections WHERE id = $2) c
  WHERE a.id = k.id AND ${LOOKED_AT} <= $5 AND a.status <> 'disconnecting'
    AND (a.disconnected_at IS NULL OR a.disconnected_at < $5)
    AND (a.content_hash IS DISTINCT FROM i.content_hash OR a.missing_since IS NOT NULL OR a.quarantined_at IS NOT NULL OR a.disconnected_at IS NOT NULL)
  RETURNING a.id, CASE WHEN k.disconnected_at IS NULL THEN 'changed' ELSE 'reappeared' END AS kind,
    k.health_status AS health_before, k.health_reason AS reason_before,
    (a.health_status, a.health_reason) IS DISTINCT FROM (k.health_status, k.health_reason) AS verdict_changed,
    array_remove(ARRAY[${differing.join(', ')}], NULL) AS fields
),
added AS (
  INSERT INTO accounts (id, team_id, connection_id, provider, provider_account_id, ${columns.join(', ')},
    checked_at, health_since, created_at, updated_at)
  SELECT i.id, $3, $2, $4, i.provider_account_id, ${firstValues.join(', ')}, $5, $5, $5, $5
  FROM incoming i WHERE NOT EXISTS (SELECT FROM known k WHERE k.provider_account_id = i.provider_account_id)
  ON CONFLICT (connection_id, provider_account_id) DO NOTHING
  RETURNING id, 'added' AS kind, NULL AS health_before, NULL AS reason_before, FALSE AS verdict_changed, ARRAY[]::text[] AS fields
)
SELECT * FROM changed UNION ALL SELECT * FROM added`;

/**
 * Those of the batch that a write may touch. Most sweeps find most accounts unchanged: only hashes
 * travel for them. Of a look without health only what is new, or is back, may be written: what is
 * held was told by looks that knew more. $1 connection, $2 provider account ids, $3 content hashes,
 * $4 whether each look told of health.
 */
const FIND_DIFFERING = `
SELECT i.provider_account_id, a.avatar_url FROM unnest($2::text[], $3::text[], $4::boolean[])
  AS i(provider_account_id, content_hash, has_health)
LEFT JOIN LATERAL ${oneByOne('$1')} a ON TRUE
WHERE a.id IS NULL OR a.disconnected_at IS NOT NULL OR (i.has_health AND (
  a.content_hash IS DISTINCT FROM i.content_hash OR a.missing_since IS NOT NULL OR a.quarantined_at IS NOT NULL))`;

/** The connection whose accounts are written. */
export interface ObservationOwner {
  readonly id: string;
  readonly teamId: string;
  readonly provider: string;
}

/**
 * Writes what one look at a provider showed, in bulk, and only where it differs from what is held;
 * with it history and events.
 * @param client within a transaction, so that rows, history and events stand or fall together
 * @param observedAt the instant before the provider was asked
 */
export async function writeObservations(
  client: pg.ClientBase,
  owner: ObservationOwner,
  records: readonly AccountRecord[],
  observedAt: Date,
): Promise<AccountChange[]> {
  const differing = await findDiffering(client, owner.id, records);
  if (differing.length === 0) return [];
  // The ids are used where an account is new.
  const rowsToWrite = differing.map(({ record, heldAvatar }) => ({
    id: newId('acct'),
    same_picture: isSamePicture(record.avatar_url, heldAvatar),
    ...record,
  }));
  // Unnamed, so that each batch is planned for the table as it is: a plan kept from when it was
  // empty reads it from end to end.
  const values = [JSON.stringify(rowsToWrite), owner.id, owner.teamId, owner.provider, observedAt];
  const { rows } = await client.query<ChangeRow>(WRITE, values);
  const changes = rows.map(
    (row): AccountChange => ({
      id: row.id,
      kind: row.kind,
      healthBefore: row.health_before,
      reasonBefore: row.reason_before,
      verdictChanged: row.verdict_changed,
      fields: row.fields,
    }),
  );
  await recordChanges(client, owner.teamId, changes, observedAt);
  const back = changes.filter(({ kind }) => kind === 'reappeared').map(({ id }) => id);
  await noteReappearance(client, back, observedAt);
  return changes;
}

/** Notes on the disconnects that ended these accounts that a later look showed them again. */
async function noteReappearance(
  client: pg.ClientBase,
  accountIds: readonly string[],
  at: Date,
): Promise<void> {
  if (accountIds.length === 0) return;
  await client.query(
    `UPDATE disconnect_steps SET reappeared_at = $2
     WHERE account_id = ANY($1) AND state = 'succeeded' AND reappeared_at IS NULL`,
    [accountIds, at],
  );
}

/** The records that differ from what is held, with the address of the picture that is. */
async function findDiffering(
  client: pg.ClientBase,
  connectionId: string,
  records: readonly AccountRecord[],
): Promise<{ readonly record: AccountRecord; readonly heldAvatar: string | null }[]> {
  const { rows } = await client.query<{ provider_account_id: string; avatar_url: string | null }>(
    FIND_DIFFERING,
    [
      connectionId,
      records.map((record) => record.provider_account_id),
      records.map((record) => record.content_hash),
      records.map((record) => record.coverage !== 'list'),
    ],
  );
  const held = new Map(rows.map((row) => [row.provider_account_id, row.avatar_url]));
  return records.flatMap((record) => {
    const heldAvatar = held.get(record.provider_account_id);
    return heldAvatar === undefined ? [] : [{ record, heldAvatar }];
  });
}

/** Signed addresses of one picture differ from look to look: the newest is kept, and no change reported. */
function isSamePicture(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && stableUrls(one) === stableUrls(other);
}

interface ChangeRow {
  readonly id: string;
  readonly kind: AccountChange['kind'];
  readonly health_before: HealthStatus | null;
  readonly reason_before: HealthReason | null;
  readonly verdict_changed: boolean;
  readonly fields: readonly string[];
}
