import type pg from 'pg';
import { utc } from '../database/sql.js';
import { accountEventsFrom } from '../events/index.js';
import { newId, profileIdOf } from '../lib/ids.js';
import { stableUrls } from '../lib/url-parameters.js';
import { ACCOUNT_COLUMNS, type HealthReason, type HealthStatus } from '../model/index.js';
import { LOOKED_AT } from './accounts.sql.js';
import { type AccountChange, recordChanges } from './changes.repository.js';
import { inheritLabels } from './labels.repository.js';
import type { AccountRecord } from './record.js';
import { addSamples, firstSamples } from './samples.repository.js';

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

type Observed = (typeof OBSERVED)[number];

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
/** What only a report of health tells; a list whose report failed leaves it as it is. */
const OF_HEALTH = new Set(
  OBSERVED.flatMap(({ name, column }) =>
    name?.startsWith('health.') || column === 'provider_status' ? [column] : [],
  ),
);
/** Looks that tell nothing of health, or not all of it. */
const LACKS_HEALTH = `i.coverage IN ('list', 'part')`;
/** Such a look, at an account whose health is held. */
const KEEPS_HEALTH = `${LACKS_HEALTH} AND a.disconnected_at IS NULL`;

/** The value of a column after the look `i` at the account `a`. */
function valueAfter({ column, isKeptBySummaries, whenUntold }: Observed): string {
  if (isKeptBySummaries || whenUntold !== null) {
    // An account that comes back has a status again.
    const held = column === 'status' ? `NULLIF(a.status, 'disconnected')` : `a.${column}`;
    return `COALESCE(i.${column}, ${held}${orElse(whenUntold)})`;
  }
  if (OF_HEALTH.has(column))
    return `CASE WHEN ${KEEPS_HEALTH} THEN a.${column} ELSE i.${column} END`;
  if (column === 'content_hash') return `CASE WHEN NOT ${LACKS_HEALTH} THEN i.content_hash END`;
  // A part of the provider's object replaces that part, and a part of the facts those.
  if (column === 'remote_data')
    return `CASE WHEN i.coverage = 'whole' THEN i.remote_data
      ELSE a.remote_data || i.remote_data END`;
  return `CASE WHEN i.coverage IN ('health', 'part') THEN COALESCE(i.${column}, a.${column})
    ELSE i.${column} END`;
}

const assignments = OBSERVED.map((observed) => `${observed.column} = ${valueAfter(observed)}`);
/** What a list tells by itself. */
const LISTED = OBSERVED.filter(
  ({ column, isChange }) => isChange && column !== 'status' && !OF_HEALTH.has(column),
);
/** Whether the account differs from what the look showed. */
const DIFFERS = `CASE WHEN ${LACKS_HEALTH}
    THEN (${LISTED.map(({ column }) => `a.${column}`).join(', ')})
      IS DISTINCT FROM (${LISTED.map(valueAfter).join(', ')})
    ELSE a.content_hash IS DISTINCT FROM i.content_hash END`;
/** The figures of an account, and what moves along with them. */
const isMetric = ({ name }: Observed) => name?.startsWith('metrics.') === true;
const COMPANIONS = new Set(['provider_updated_at', 'remote_data', 'content_hash']);
const STEADY = OBSERVED.filter(
  (observed) => !isMetric(observed) && !COMPANIONS.has(observed.column),
);
/** Whether the look shows other metrics of an account that is there, and nothing else that is new. */
const SHOWS_METRICS_ALONE = `a.missing_since IS NULL AND a.quarantined_at IS NULL AND a.disconnected_at IS NULL
  AND ${differ(OBSERVED.filter((observed) => isMetric(observed) && observed.isChange))}
  AND NOT ${differ(STEADY.filter(({ column }) => column !== 'avatar_url'))}
  AND (i.same_picture OR NOT ${differ(STEADY.filter(({ column }) => column === 'avatar_url'))})`;
function differ(observed: readonly Observed[]): string {
  return `((${observed.map(({ column }) => `a.${column}`).join(', ')})
    IS DISTINCT FROM (${observed.map(valueAfter).join(', ')}))`;
}
const METRICS_NOW = `json_build_object(${OBSERVED.filter(isMetric)
  .map(({ name, column, type }) => {
    const value = type === 'timestamptz' ? utc(`a.${column}`) : `a.${column}`;
    return `'${name?.split('.')[1]}', ${value}`;
  })
  .join(', ')})`;
const firstValues = OBSERVED.map(({ column, whenUntold }) =>
  whenUntold === null ? `i.${column}` : `COALESCE(i.${column}${orElse(whenUntold)})`,
);
function orElse(whenUntold: string | null): string {
  return whenUntold === null ? '' : `, '${whenUntold}'`;
}
const recordset = [
  'id text',
  'profile_id text',
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
 * The profile that a new account will most likely be in: that of the oldest account that shares a
 * value with it. Which it is gets decided after the write; a right guess saves writing it again.
 */
const profileBy = (column: string) => `(
  SELECT o.profile_id FROM (
    SELECT id, profile_id FROM accounts WHERE team_id = $3 AND platform = i.platform
      AND ${column} = i.${column} AND status <> 'disconnected' LIMIT 10) o ORDER BY o.id LIMIT 1)`;

/** Adds the accounts `i` that are new. Parameters as `WRITE` has them. */
const INSERT_NEW = `
  INSERT INTO accounts (id, profile_id, team_id, connection_id, provider, provider_account_id, ${columns.join(', ')},
    followers_bucket, checked_at, health_since, created_at, updated_at)
  SELECT i.id, COALESCE(${profileBy('platform_user_id')}, ${profileBy('username_key')}, i.profile_id),
    $3, $2, $4, i.provider_account_id, ${firstValues.join(', ')}, followers_bucket(i.followers),
    $5, $5, $5, $5
  FROM incoming i`;
const UNLESS_THERE = 'ON CONFLICT (connection_id, provider_account_id) DO NOTHING';

/**
 * Adds accounts, with their events and their first samples, as a first import does page after page:
 * nothing is looked up again that the insertion has at hand. What is there already it leaves alone.
 * Parameters as `WRITE` has them.
 */
const ADD = `
WITH incoming AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(event_id text, ${recordset})),
added AS (${INSERT_NEW} ${UNLESS_THERE} RETURNING *),
discovered AS (
  SELECT a.*, i.event_id FROM added a JOIN incoming i USING (provider_account_id)),
told AS (${accountEventsFrom('discovered', 'account.discovered', '$5::timestamptz')}),
${firstSamples('added', '$5::timestamptz')}
SELECT id, provider_account_id FROM added`;

/**
 * One statement a batch. $1 the records, $2 connection, $3 team, $4 provider, $5 when the provider
 * was asked. What is known is locked as it is read, so that of two looks at once the second reports
 * its change from what the first has left, and not the same once more. Left alone are rows
 * whose content is the same, rows that a later look has confirmed, accounts that are being
 * disconnected, and accounts whose disconnect is younger than the look. A change of metrics alone
 * moves `updated_at` once a day, when it is told.
 */
const WRITE = `
WITH incoming AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(${recordset})),
known AS MATERIALIZED (
  SELECT a.id, a.provider_account_id, a.health_status, a.health_reason, a.disconnected_at, ${fieldColumns.map((column) => `a.${column}`).join(', ')},
    ${SHOWS_METRICS_ALONE} AS metrics_alone,
    COALESCE(a.metrics_told_at <= $5::timestamptz - interval '24 hours', TRUE) AS metrics_due
  FROM incoming i CROSS JOIN LATERAL ${oneByOne('$2', 'FOR UPDATE')} a
),
changed AS (
  UPDATE accounts a SET ${assignments.join(', ')},
    checked_at = CASE WHEN ${KEEPS_HEALTH} THEN a.checked_at ELSE $5 END,
    updated_at = CASE WHEN k.metrics_alone AND NOT k.metrics_due THEN a.updated_at ELSE $5 END,
    metrics_told_at = CASE WHEN k.metrics_alone AND k.metrics_due THEN $5 ELSE a.metrics_told_at END,
    missing_since = ${unlessSweptSince('missing_since')}, quarantined_at = ${unlessSweptSince('quarantined_at')},
    disconnected_at = NULL, disconnect_cause = NULL, disconnect_id = NULL,
    health_since = CASE WHEN NOT (${KEEPS_HEALTH}) AND (a.health_status, a.health_reason) IS DISTINCT FROM (i.health_status, i.health_reason)
      THEN $5 ELSE a.health_since END
  FROM incoming i JOIN known k USING (provider_account_id) CROSS JOIN (SELECT swept_at FROM connections WHERE id = $2) c
  WHERE a.id = k.id AND ${LOOKED_AT} <= $5 AND a.status <> 'disconnecting'
    AND (a.disconnected_at IS NULL OR a.disconnected_at < $5)
    AND (${DIFFERS} OR a.missing_since IS NOT NULL OR a.quarantined_at IS NOT NULL OR a.disconnected_at IS NOT NULL)
  RETURNING a.id, CASE WHEN k.disconnected_at IS NULL THEN 'changed' ELSE 'reappeared' END AS kind,
    k.health_status AS health_before, k.health_reason AS reason_before,
    (a.health_status, a.health_reason) IS DISTINCT FROM (k.health_status, k.health_reason) AS verdict_changed,
    array_remove(ARRAY[${differing.join(', ')}], NULL) AS fields, k.metrics_alone,
    CASE WHEN k.metrics_alone AND k.metrics_due THEN ${METRICS_NOW} END AS metrics
),
added AS (${INSERT_NEW} WHERE NOT EXISTS (SELECT FROM known k WHERE k.provider_account_id = i.provider_account_id)
  ${UNLESS_THERE}
  RETURNING id, 'added' AS kind, NULL AS health_before, NULL AS reason_before, FALSE AS verdict_changed, ARRAY[]::text[] AS fields,
    FALSE AS metrics_alone, NULL::json AS metrics
)
SELECT * FROM changed UNION ALL SELECT * FROM added`;

/**
 * Those of the batch that a write may touch. Most sweeps find most accounts unchanged: only hashes
 * travel for them. A look that lacks health is compared field by field, so that it may touch any.
 * $1 connection, $2 provider account ids, $3 content hashes, $4 whether each is such a look.
 */
const FIND_DIFFERING = `
SELECT i.provider_account_id, a.avatar_url, a.id IS NULL AS is_new
FROM unnest($2::text[], $3::text[], $4::boolean[]) AS i(provider_account_id, content_hash, is_list)
LEFT JOIN LATERAL ${oneByOne('$1')} a ON TRUE
WHERE a.id IS NULL OR i.is_list OR a.content_hash IS DISTINCT FROM i.content_hash
  OR a.missing_since IS NOT NULL OR a.quarantined_at IS NOT NULL OR a.disconnected_at IS NOT NULL`;

/** The connection whose accounts are written. */
export interface ObservationOwner {
  readonly id: string;
  readonly teamId: string;
  readonly provider: string;
}

/** An account that a look showed otherwise than it is held. */
interface DifferingRecord {
  readonly record: AccountRecord;
  /** It is not held at all. */
  readonly isNew: boolean;
  /** The address of the picture that is held. */
  readonly heldAvatar: string | null;
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
  return writeDiffering(client, owner, await findDiffering(client, owner.id, records), observedAt);
}

/** As `writeObservations`, for what `findDiffering` found. */
export async function writeDiffering(
  client: pg.ClientBase,
  owner: ObservationOwner,
  differing: readonly DifferingRecord[],
  observedAt: Date,
): Promise<AccountChange[]> {
  const fresh = differing.filter(({ isNew }) => isNew).map(({ record }) => record);
  const added = await addNew(client, owner, fresh, observedAt);
  // Another look may have added some meanwhile: these are known now.
  const others = differing.filter(({ record }) => !added.has(record.provider_account_id));
  const changes = await writeOver(client, owner, others, observedAt);
  await inheritLabels(client, [
    ...added.values(),
    ...changes.filter(({ kind }) => kind === 'added').map(({ id }) => id),
  ]);
  await recordChanges(client, owner.teamId, changes, observedAt);
  const sampled = changes.filter(
    ({ kind, fields }) => kind === 'added' || fields.includes('metrics'),
  );
  await addSamples(
    client,
    sampled.map(({ id }) => id),
    observedAt,
  );
  const back = changes.filter(({ kind }) => kind === 'reappeared').map(({ id }) => id);
  await noteReappearance(client, back, observedAt);
  return [...[...added.values()].map(asAdded), ...changes];
}

/** @returns the ids of those that were added, by their ids at the provider */
async function addNew(
  client: pg.ClientBase,
  owner: ObservationOwner,
  records: readonly AccountRecord[],
  observedAt: Date,
): Promise<ReadonlyMap<string, string>> {
  if (records.length === 0) return new Map();
  const rowsToAdd = records.map((record) => ({ event_id: newId('evt'), ...asRow(record, null) }));
  const { rows } = await client.query<{ id: string; provider_account_id: string }>(
    ADD,
    valuesOf(owner, rowsToAdd, observedAt),
  );
  return new Map(rows.map((row) => [row.provider_account_id, row.id]));
}

/** Writes records where they differ from the accounts that are held, or where there is none. */
async function writeOver(
  client: pg.ClientBase,
  owner: ObservationOwner,
  differing: readonly DifferingRecord[],
  observedAt: Date,
): Promise<AccountChange[]> {
  if (differing.length === 0) return [];
  const rowsToWrite = differing.map(({ record, heldAvatar }) => asRow(record, heldAvatar));
  const { rows } = await client.query<ChangeRow>(WRITE, valuesOf(owner, rowsToWrite, observedAt));
  return rows.map(
    (row): AccountChange => ({
      id: row.id,
      kind: row.kind,
      healthBefore: row.health_before,
      reasonBefore: row.reason_before,
      verdictChanged: row.verdict_changed,
      fields: row.fields,
      ...(row.metrics_alone && { metricsAlone: { toTell: row.metrics } }),
    }),
  );
}

/** The ids are used where an account is new; it is alone in its profile until that is decided. */
function asRow(record: AccountRecord, heldAvatar: string | null) {
  const id = newId('acct');
  const samePicture = isSamePicture(record.avatar_url, heldAvatar);
  return { id, profile_id: profileIdOf(id), same_picture: samePicture, ...record };
}

/**
 * The statements are unnamed, so that each batch is planned for the table as it is: a plan kept
 * from when it was empty reads it from end to end.
 */
const valuesOf = (owner: ObservationOwner, rows: readonly object[], observedAt: Date) => [
  JSON.stringify(rows),
  owner.id,
  owner.teamId,
  owner.provider,
  observedAt,
];

const asAdded = (id: string): AccountChange => ({
  id,
  kind: 'added',
  healthBefore: null,
  reasonBefore: null,
  verdictChanged: false,
  fields: [],
});

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

/** The records that may differ from what is held. */
export async function findDiffering(
  client: pg.ClientBase,
  connectionId: string,
  records: readonly AccountRecord[],
): Promise<DifferingRecord[]> {
  const { rows } = await client.query<{
    provider_account_id: string;
    avatar_url: string | null;
    is_new: boolean;
  }>(FIND_DIFFERING, [
    connectionId,
    records.map((record) => record.provider_account_id),
    records.map((record) => record.content_hash),
    records.map(({ coverage }) => coverage === 'list' || coverage === 'part'),
  ]);
  const held = new Map(rows.map((row) => [row.provider_account_id, row]));
  return records.flatMap((record) => {
    const row = held.get(record.provider_account_id);
    return row === undefined ? [] : [{ record, isNew: row.is_new, heldAvatar: row.avatar_url }];
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
  readonly metrics_alone: boolean;
  readonly metrics: object | null;
}
