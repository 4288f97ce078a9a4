import type pg from 'pg';
import { LOOKED_AT, recommend, recordChanges } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import type { AnyAdapter, HealthReason, HealthStatus } from '../model/index.js';
import { ABSENT, type AbsentVerdict, STANDS_FOR_INTERVALS } from './verdict.js';

/** A connection whose accounts were checked for verdicts that are too old. */
export interface AgedConnection {
  readonly id: string;
  readonly teamId: string;
  readonly provider: string;
  /** Whether it has accounts whose last good look is from before `lookedBefore`. */
  readonly isDue: boolean;
  readonly lookedBefore: Date;
}

/** Which verdicts are to become unknown, and why. */
export interface HealthLoss {
  readonly connection: { readonly id: string; readonly teamId: string };
  /** Of the connection's provider. */
  readonly adapter: AnyAdapter;
  readonly verdict: AbsentVerdict;
  /** Only of accounts whose last good look is older; `null`: of all. */
  readonly lookedBefore: Date | null;
}

/** Whose verdict can become unknown; `a` is the account. */
const IS_LIVE = `a.status NOT IN ('disconnected', 'disconnecting')`;

/**
 * The connections that are due, and when they are due next: when the oldest verdict no longer
 * stands, and after one interval anyway, as accounts come and go. $1 now, $2 and $3 the providers
 * and when their last outage ended (null: none is known), $4 the limit.
 *
 * A running sweep may give the look that is awaited, and while a key is rejected nothing is expected.
 */
const TAKE_DUE = `
WITH due AS MATERIALIZED (
  SELECT c.id, c.swept_at, p.outage_ended_at, make_interval(secs => c.sweep_interval_seconds) AS sweep_interval
  FROM connections c JOIN unnest($2::text[], $3::timestamptz[]) AS p(provider, outage_ended_at) USING (provider)
  WHERE c.state = 'active' AND c.next_aging_at < $1
    AND NOT EXISTS (SELECT FROM sweeps s WHERE s.connection_id = c.id AND s.state = 'running')
  ORDER BY c.next_aging_at LIMIT $4 FOR UPDATE OF c SKIP LOCKED
),
looked AS MATERIALIZED (
  SELECT c.*, ${STANDS_FOR_INTERVALS} * c.sweep_interval AS patience, (
    SELECT min(${LOOKED_AT}) FROM accounts a
    WHERE a.connection_id = c.id AND ${IS_LIVE} AND a.health_reason IS DISTINCT FROM 'provider_unreachable'
  ) AS oldest_look FROM due c
),
ages AS (
  SELECT id, sweep_interval, $1 - patience AS looked_before,
    CASE WHEN oldest_look IS NOT NULL THEN GREATEST(oldest_look, outage_ended_at) + patience END AS ages_at
  FROM looked
)
UPDATE connections c
SET next_aging_at = LEAST(CASE WHEN ages_at < $1 THEN $1 ELSE ages_at END, $1 + sweep_interval)
FROM ages WHERE c.id = ages.id
RETURNING c.id, c.team_id AS "teamId", c.provider, COALESCE(ages_at < $1, FALSE) AS "isDue", looked_before AS "lookedBefore"`;

/** The verdicts of accounts that nobody looks at any more. */
export class VerdictsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Checks up to `limit` connections for verdicts that are too old and notes when to check them
   * again, no earlier than `now`. Replicas get different connections.
   * @param outages each provider, and when its last outage ended: `now` while one is under way,
   * `null` where none is known
   */
  async takeDue(
    now: Date,
    outages: ReadonlyMap<string, Date | null>,
    limit: number,
  ): Promise<AgedConnection[]> {
    const { rows } = await this.database.pool.query<AgedConnection>(TAKE_DUE, [
      now,
      [...outages.keys()],
      [...outages.values()],
      limit,
    ]);
    return rows;
  }
}

/**
 * Sets `unknown` on accounts of a connection; their status stays. The next good look writes them
 * whatever it shows, as their content hash is dropped.
 * @param client within a transaction
 * @returns how many accounts changed
 */
export async function markHealthUnknown(
  client: pg.ClientBase,
  { connection, adapter, verdict, lookedBefore }: HealthLoss,
  at: Date,
): Promise<number> {
  const { status, reason, fault } = ABSENT[verdict];
  const { rows } = await client.query<HealthBefore>(
    `WITH before AS MATERIALIZED (
       SELECT a.id, a.health_status, a.health_reason, c.last_error FROM accounts a JOIN connections c ON c.id = a.connection_id
       WHERE a.connection_id = $1 AND ${IS_LIVE}
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
      JSON.stringify(recommend(ABSENT[verdict], { adapter })),
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

interface HealthBefore {
  readonly id: string;
  readonly health_status: HealthStatus;
  readonly health_reason: HealthReason | null;
  readonly last_error: object | null;
}
