import type pg from 'pg';
import { newId } from '../lib/ids.js';
import type { HealthFault, HealthReason, HealthStatus } from '../model/index.js';
import type { AccountRecord } from './record.js';

/** What a write changed on one account: the stuff of history and events. */
export interface AccountChange {
  readonly id: string;
  readonly kind: 'added' | 'changed' | 'reappeared';
  readonly healthBefore: HealthStatus | null;
  readonly health: HealthStatus;
  readonly reasonBefore: HealthReason | null;
  readonly reason: HealthReason | null;
  readonly fault: HealthFault | null;
}

/** Columns a sighting sets, with their types. */
const SIGHTED = {
  platform: 'text',
  platform_user_id: 'text',
  username: 'text',
  username_key: 'text',
  display_name: 'text',
  avatar_url: 'text',
  profile_url: 'text',
  is_verified: 'boolean',
  status: 'text',
  provider_status: 'text',
  health_status: 'text',
  health_reason: 'text',
  health_fault: 'text',
  token_valid: 'boolean',
  permissions: 'jsonb',
  token_expires_at: 'timestamptz',
  recommendations: 'jsonb',
  followers: 'bigint',
  following: 'bigint',
  posts: 'bigint',
  views: 'bigint',
  likes: 'bigint',
  comments: 'bigint',
  shares: 'bigint',
  saves: 'bigint',
  engagement_rate: 'double precision',
  growth_rate_30d: 'double precision',
  metrics_as_of: 'timestamptz',
  settings: 'jsonb',
  remote_data: 'jsonb',
  connected_at: 'timestamptz',
  last_used_at: 'timestamptz',
  provider_updated_at: 'timestamptz',
  content_hash: 'text',
} as const;

/** A list may hold summaries: what a fuller look told is kept where the summary is silent. */
const KEPT_WHEN_SILENT: readonly string[] = ['settings', 'following'];

const columns = Object.keys(SIGHTED);
const assignments = columns.map((column) =>
  KEPT_WHEN_SILENT.includes(column) ? `${column} = COALESCE(i.${column}, a.${column})` : `${column} = i.${column}`,
);
const recordset = ['id text', 'provider_account_id text', ...Object.entries(SIGHTED).map(([column, type]) => `${column} ${type}`)].join(
  ', ',
);

/**
 * One statement a batch. $1 the records, $2 connection, $3 team, $4 provider, $5 when the provider was asked.
 * Left alone are rows whose content is the same, rows that a later look has written, accounts that are being disconnected, and
 * accounts whose disconnect is younger than the look.
 */
const WRITE = `
WITH incoming AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(${recordset})),
known AS MATERIALIZED (
  SELECT a.id, a.provider_account_id, a.health_status, a.health_reason, a.disconnected_at
  FROM accounts a WHERE a.connection_id = $2 AND a.provider_account_id IN (SELECT provider_account_id FROM incoming)
),
changed AS (
  UPDATE accounts a SET ${assignments.join(', ')},
    checked_at = $5, updated_at = $5, missing_since = NULL, quarantined_at = NULL,
    disconnected_at = NULL, disconnect_cause = NULL, disconnect_id = NULL,
    health_since = CASE WHEN (a.health_status, a.health_reason) IS DISTINCT FROM (i.health_status, i.health_reason) THEN $5 ELSE a.health_since END
  FROM incoming i JOIN known k USING (provider_account_id)
  WHERE a.id = k.id AND a.checked_at <= $5 AND a.status <> 'disconnecting'
    AND (a.disconnected_at IS NULL OR a.disconnected_at < $5)
    AND (a.content_hash IS DISTINCT FROM i.content_hash OR a.missing_since IS NOT NULL OR a.quarantined_at IS NOT NULL OR a.disconnected_at IS NOT NULL)
  RETURNING a.id, CASE WHEN k.disconnected_at IS NULL THEN 'changed' ELSE 'reappeared' END AS kind,
    k.health_status AS health_before, k.health_reason AS reason_before, a.health_status, a.health_reason, a.health_fault
),
added AS (
  INSERT INTO accounts (id, team_id, connection_id, provider, provider_account_id, ${columns.join(', ')},
    checked_at, health_since, created_at, updated_at)
  SELECT i.id, $3, $2, $4, i.provider_account_id, ${columns.map((column) => `i.${column}`).join(', ')}, $5, $5, $5, $5
  FROM incoming i WHERE NOT EXISTS (SELECT FROM known k WHERE k.provider_account_id = i.provider_account_id)
  ON CONFLICT (connection_id, provider_account_id) DO NOTHING
  RETURNING id, 'added' AS kind, NULL AS health_before, NULL AS reason_before, health_status, health_reason, health_fault
)
SELECT * FROM changed UNION ALL SELECT * FROM added`;

/** The connection whose accounts are written. */
export interface SightingsOwner {
  readonly id: string;
  readonly teamId: string;
  readonly provider: string;
}

/**
 * Writes what one look at a provider showed, in bulk, and only where it differs from what is held; with it the health history.
 * @param client within a transaction, so that rows and history stand or fall together
 * @param observedAt the instant before the provider was asked
 */
export async function writeSightings(
  client: pg.ClientBase,
  owner: SightingsOwner,
  records: readonly AccountRecord[],
  observedAt: Date,
): Promise<AccountChange[]> {
  const { rows } = await client.query<ChangeRow>({
    name: 'write-sightings',
    text: WRITE,
    values: [JSON.stringify(records), owner.id, owner.teamId, owner.provider, observedAt],
  });
  const changes = rows.map(
    (row): AccountChange => ({
      id: row.id,
      kind: row.kind,
      healthBefore: row.health_before,
      health: row.health_status,
      reasonBefore: row.reason_before,
      reason: row.health_reason,
      fault: row.health_fault,
    }),
  );
  await recordTransitions(client, owner.teamId, changes, observedAt);
  return changes;
}

/** Adds the changes of verdict among `changes` to the health history. */
export async function recordTransitions(
  client: pg.ClientBase,
  teamId: string,
  changes: readonly Pick<AccountChange, 'id' | 'healthBefore' | 'health' | 'reasonBefore' | 'reason' | 'fault'>[],
  at: Date,
): Promise<void> {
  const transitions = changes
    .filter((change) => change.healthBefore !== null && (change.healthBefore !== change.health || change.reasonBefore !== change.reason))
    .map((change) => ({
      id: newId('hlt'),
      account_id: change.id,
      from_status: change.healthBefore,
      to_status: change.health,
      reason: change.reason,
      fault: change.fault,
    }));
  if (transitions.length === 0) return;
  await client.query(
    `INSERT INTO health_transitions (id, team_id, account_id, from_status, to_status, reason, fault, at)
     SELECT id, $2, account_id, from_status, to_status, reason, fault, $3
     FROM jsonb_to_recordset($1::jsonb) AS t(id text, account_id text, from_status text, to_status text, reason text, fault text)`,
    [JSON.stringify(transitions), teamId, at],
  );
}

interface ChangeRow {
  readonly id: string;
  readonly kind: AccountChange['kind'];
  readonly health_before: HealthStatus | null;
  readonly reason_before: HealthReason | null;
  readonly health_status: HealthStatus;
  readonly health_reason: HealthReason | null;
  readonly health_fault: HealthFault | null;
}
