import type pg from 'pg';
import { HEALTH_LOOKED_AT, recommend, recordChanges } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import type { AnyAdapter, HealthReason, HealthStatus } from '../model/index.js';
import type { Address } from '../providers/index.js';
import { ABSENT, type AbsentVerdict, STANDS_FOR_INTERVALS } from './verdict.js';

/** A connection whose accounts were checked for verdicts that are too old. */
interface AgedConnection {
  readonly id: string;
  readonly teamId: string;
  readonly paused: boolean;
  readonly provider: string;
  readonly baseUrl: string | null;
  /** When the first look failed after the last good one; `null`: the last one was good. */
  readonly silentSince: Date | null;
  /** Which verdicts its accounts have to get. */
  readonly due: readonly SilentVerdict[];
  /** Looks from before this no longer hold a verdict up. */
  readonly lookedBefore: Date;
  /** Since when it was asked often enough to call it silent; `null`: it was not yet. */
  readonly askedSince: Date | null;
}

/** What silence makes of a verdict, by who is silent. */
type SilentVerdict = Exclude<AbsentVerdict, 'credential_rejected'>;

/** Which verdicts are to become unknown, and why. */
interface HealthLoss {
  readonly connection: { readonly id: string; readonly teamId: string; readonly paused: boolean };
  /** Of the connection's provider. */
  readonly adapter: AnyAdapter;
  readonly verdict: AbsentVerdict;
  /** Only of accounts whose verdict is too old; `null`: of all. */
  readonly age: Pick<AgedConnection, 'lookedBefore' | 'askedSince'> | null;
}

/** Whose verdict can become unknown; `a` is the account. */
const IS_LIVE = `a.status NOT IN ('disconnected', 'disconnecting')`;

/** When the first look failed after the last good one; null: the last one was good. */
const SILENT_SINCE = 'LEAST(c.silent_since, a.quarantined_at, a.missing_since)';

/** From when on a verdict is judged by its age, for each kind of silence. */
const COUNTS_FROM: Readonly<Record<SilentVerdict, string>> = {
  provider_unreachable: `CASE WHEN ${SILENT_SINCE} IS NOT NULL THEN GREATEST(${HEALTH_LOOKED_AT}, ${SILENT_SINCE}) END`,
  not_checked: HEALTH_LOOKED_AT,
};

/** Reasons that stay: what was found out by asking is not replaced by our not asking. */
const isOpenTo = (verdict: AbsentVerdict) =>
  `${IS_LIVE} AND COALESCE(a.health_reason, '') NOT IN ('${verdict}'${
    verdict === 'not_checked' ? `, 'provider_unreachable'` : ''
  })`;

const oldest = (verdict: SilentVerdict) => `(
  SELECT min(${COUNTS_FROM[verdict]}) FROM accounts a
  WHERE a.connection_id = c.id AND ${isOpenTo(verdict)})`;

/**
 * The connections that are due, and when they are due next: when the oldest verdict no longer
 * stands, and after one interval anyway, as accounts come and go; a look makes them due, too. Silence
 * is looks that were tried and failed: as many as intervals have passed since the first of them,
 * up to the time when the next look should have been. $1 now, $2 the providers, $3 the limit, $4 since
 * when gateways run, $5, $6 and $7 the addresses with outages and when the last one ended.
 *
 * A running sweep may give the look that is awaited, and while a key is rejected, or waits for
 * someone to confirm it, nothing is expected. A look that is not due yet, or was queued just now, is not missed.
 */
const TAKE_DUE = `
WITH due AS MATERIALIZED (
  SELECT c.id, c.swept_at, c.health_swept_at, c.silent_since, c.tried_at[${STANDS_FOR_INTERVALS}] AS asked_since,
    GREATEST(o.ended_at, $4) AS counts_since,
    make_interval(secs => c.sweep_interval_seconds) AS sweep_interval,
    LEAST(c.next_sweep_at, (
      SELECT min(s.created_at) FROM sweeps s WHERE s.connection_id = c.id AND s.state = 'queued')) AS overdue_since
  FROM connections c
  LEFT JOIN unnest($5::text[], $6::text[], $7::timestamptz[]) AS o(provider, base_url, ended_at)
    ON o.provider = c.provider AND o.base_url IS NOT DISTINCT FROM c.base_url
  WHERE c.provider = ANY($2) AND c.state = 'active' AND c.held_at IS NULL AND c.next_aging_at < $1
    AND NOT EXISTS (SELECT FROM sweeps s WHERE s.connection_id = c.id AND s.state = 'running')
  ORDER BY c.next_aging_at LIMIT $3 FOR UPDATE OF c SKIP LOCKED
),
counted AS MATERIALIZED (
  SELECT c.*, ${STANDS_FOR_INTERVALS} * c.sweep_interval AS patience,
    ${oldest('provider_unreachable')} AS silent_from,
    ${oldest('not_checked')} AS unchecked_from
  FROM due c
),
ages AS (
  SELECT id, $1 - patience AS looked_before, sweep_interval, asked_since,
    CASE WHEN silent_from IS NOT NULL AND GREATEST(silent_from, counts_since) <= asked_since
        AND (overdue_since >= $1 OR GREATEST(silent_from, counts_since) + patience < overdue_since)
      THEN GREATEST(silent_from, counts_since) + patience END AS silent_at,
    CASE WHEN unchecked_from IS NOT NULL AND overdue_since < $1
      THEN GREATEST(unchecked_from, overdue_since, counts_since) + patience END AS unchecked_at
  FROM counted
)
UPDATE connections c
SET next_aging_at = LEAST(
  CASE WHEN LEAST(silent_at, unchecked_at) < $1 THEN $1 ELSE LEAST(silent_at, unchecked_at) END,
  $1 + sweep_interval)
FROM ages WHERE c.id = ages.id
RETURNING c.id, c.team_id AS "teamId", c.paused, c.provider, c.base_url AS "baseUrl", c.silent_since AS "silentSince",
  looked_before AS "lookedBefore", asked_since AS "askedSince",
  array_remove(ARRAY[CASE WHEN silent_at < $1 THEN 'provider_unreachable' END, CASE WHEN unchecked_at < $1 THEN 'not_checked' END], NULL) AS due`;

/** What the age of verdicts is counted by. */
interface AgingBasis {
  readonly now: Date;
  /** Connections of others are left alone. */
  readonly providers: readonly string[];
  /** When the last outage ended at each address that has had one: `now` while one is under way. */
  readonly outages: readonly (Address & { readonly endedAt: Date })[];
  /** Since when gateways run without a break. */
  readonly runningSince: Date;
}

/** The verdicts of accounts that nobody looks at any more. */
export class VerdictsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Checks up to `limit` connections for verdicts that are too old and notes when to check them
   * again, no earlier than `now`. Replicas get different connections.
   */
  async takeDue(
    { now, providers, outages, runningSince }: AgingBasis,
    limit: number,
  ): Promise<AgedConnection[]> {
    const { rows } = await this.database.pool.query<AgedConnection>(TAKE_DUE, [
      now,
      providers,
      limit,
      runningSince,
      outages.map(({ provider }) => provider),
      outages.map(({ baseUrl }) => baseUrl),
      outages.map(({ endedAt }) => endedAt),
    ]);
    return rows;
  }
}

/**
 * Accounts that one statement changes: the triggers compare each row that it wrote with each that it
 * replaced.
 */
const WRITTEN_AT_ONCE = 500;

/**
 * Sets `unknown` on accounts of a connection; their status stays. The next good look writes them
 * whatever it shows, as their content hash is dropped.
 * @param client within a transaction
 * @returns how many accounts changed
 */
export async function markHealthUnknown(
  client: pg.ClientBase,
  { connection, adapter, verdict, age }: HealthLoss,
  at: Date,
): Promise<number> {
  const { status, reason, fault } = ABSENT[verdict];
  const countsFrom = verdict === 'credential_rejected' ? HEALTH_LOOKED_AT : COUNTS_FROM[verdict];
  const askedSince = verdict === 'provider_unreachable' ? age?.askedSince : null;
  // Only rows that are still as they were read are changed, as other processes may have checked the
  // account meanwhile.
  const { rows } = await client.query<HealthBefore>(
    `SELECT a.id, a.health_status, a.health_reason, c.last_error
     FROM accounts a JOIN connections c ON c.id = a.connection_id
     WHERE a.connection_id = $1 AND ${isOpenTo(verdict)}
       AND ($2::timestamptz IS NULL OR ${countsFrom} < $2)
       AND ($3::timestamptz IS NULL OR ${countsFrom} <= $3)
     FOR UPDATE OF a`,
    [connection.id, age?.lookedBefore, askedSince],
  );
  const recommendations = recommend(ABSENT[verdict], { adapter, isPaused: connection.paused });
  for (let from = 0; from < rows.length; from += WRITTEN_AT_ONCE) {
    const ids = rows.slice(from, from + WRITTEN_AT_ONCE).map(({ id }) => id);
    await client.query(
      `UPDATE accounts SET health_status = $3, health_reason = $4, health_fault = $5,
         health_since = $2, recommendations = $6, updated_at = $2, content_hash = NULL
       WHERE id = ANY($1)`,
      [ids, at, status, reason, fault, JSON.stringify(recommendations)],
    );
  }
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
