import type pg from 'pg';
import { recommend, recordChanges } from '../accounts/index.js';
import type { AnyAdapter, HealthReason, HealthStatus } from '../model/index.js';
import { ABSENT, type AbsentVerdict } from './verdict.js';

/**
 * Sets `unknown` on accounts of a connection; their status stays. The next good look writes them
 * whatever it shows, as their content hash is dropped.
 * @param client within a transaction
 * @param adapter the connection's provider
 * @param lookedBefore only accounts whose last good look is older; `null`: all
 * @returns how many accounts changed
 */
export async function markHealthUnknown(
  client: pg.ClientBase,
  connection: { readonly id: string; readonly teamId: string },
  adapter: AnyAdapter,
  absent: AbsentVerdict,
  at: Date,
  lookedBefore: Date | null,
): Promise<number> {
  const { status, reason, fault } = ABSENT[absent];
  const { rows } = await client.query<HealthBefore>(
    `WITH before AS MATERIALIZED (
       SELECT a.id, a.health_status, a.health_reason, c.last_error FROM accounts a JOIN connections c ON c.id = a.connection_id
       WHERE a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting')
         AND a.health_reason IS DISTINCT FROM $4 AND ($7::timestamptz IS NULL OR ${LOOKED_AT} < $7)
       -- What is changed is what it was read as, whoever else looks at it.
       FOR UPDATE OF a
     )
     UPDATE accounts a SET health_status = $3, health_reason = $4, health_fault = $5, health_since = $2, recommendations = $6,
       updated_at = $2, content_hash = NULL
     FROM before WHERE a.id = before.id RETURNING a.id, before.health_status, before.health_reason, before.last_error`,
    [
      connection.id,
      at,
      status,
      reason,
      fault,
      JSON.stringify(recommend(ABSENT[absent], { adapter })),
      lookedBefore,
    ],
  );
  const changes = rows.map((row) => ({
    id: row.id,
    kind: 'changed' as const,
    healthBefore: row.health_status,
    reasonBefore: row.health_reason,
    verdictChanged: true,
    fields: [],
  }));
  await recordChanges(client, connection.teamId, changes, at, {
    last_error: rows[0]?.last_error ?? null,
  });
  return rows.length;
}

/**
 * The last good look at `a`: its own, or its connection's last complete sweep, unless that one had
 * no good look at it.
 */
const LOOKED_AT = `CASE WHEN a.missing_since IS NULL AND a.quarantined_at IS NULL THEN GREATEST(a.checked_at, c.swept_at) ELSE a.checked_at END`;

interface HealthBefore {
  readonly id: string;
  readonly health_status: HealthStatus;
  readonly health_reason: HealthReason | null;
  readonly last_error: object | null;
}
