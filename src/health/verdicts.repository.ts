import type pg from 'pg';
import { recordChanges } from '../accounts/record-changes.js';
import type { HealthFault, HealthReason, HealthStatus } from '../model/index.js';
import { recommend } from './recommendations.js';

/** The verdicts that no look at an account gives, but the lack of one. */
export type AbsentVerdict = 'credential_rejected' | 'provider_unreachable';

const FAULT: Record<AbsentVerdict, HealthFault> = { credential_rejected: 'connection', provider_unreachable: 'provider' };

/**
 * Sets `unknown` on accounts of a connection; their status stays. The next good look writes them whatever it shows, as their
 * content hash is dropped.
 * @param client within a transaction
 * @param condition SQL over `a` (the account) and `c` (its connection); `$1` is the connection's id, `$2` is `at`
 * @returns how many accounts changed
 */
export async function loseVerdicts(
  client: pg.ClientBase,
  connection: { readonly id: string; readonly teamId: string },
  reason: AbsentVerdict,
  at: Date,
  condition = 'TRUE',
): Promise<number> {
  const { rows } = await client.query<{ id: string; health_before: HealthStatus; reason_before: HealthReason | null }>(
    `UPDATE accounts a SET health_status = 'unknown', health_reason = $3, health_fault = $4, health_since = $2, recommendations = $5,
       updated_at = $2, content_hash = NULL
     FROM accounts before JOIN connections c ON c.id = before.connection_id
     WHERE a.id = before.id AND a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting')
       AND a.health_reason IS DISTINCT FROM $3 AND ${condition}
     RETURNING a.id, before.health_status AS health_before, before.health_reason AS reason_before`,
    [connection.id, at, reason, FAULT[reason], JSON.stringify(recommend(reason, [], undefined))],
  );
  const changes = rows.map((row) => ({
    id: row.id,
    kind: 'changed' as const,
    healthBefore: row.health_before,
    reasonBefore: row.reason_before,
    verdictChanged: true,
    fields: [],
  }));
  await recordChanges(client, connection.teamId, changes, at, { last_error: null });
  return rows.length;
}
