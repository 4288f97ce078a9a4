import type pg from 'pg';
import type { Database } from '../database/index.js';
import { recordEventsOfTeams } from '../events/index.js';
import type { KnownIncident } from './incident.js';

/** A site's latest outage, in full. */
interface LatestIncident extends KnownIncident {
  readonly id: string;
  readonly openedAt: Date;
}

/** An outage, over or under way. */
export interface PastIncident {
  readonly id: string;
  readonly site: string;
  readonly openedAt: Date;
  /** Null: it is under way. */
  readonly closedAt: Date | null;
  readonly error: string | null;
}

/** An outage that begins. */
interface NewIncident {
  readonly id: string;
  readonly site: string;
  readonly openedAt: Date;
  readonly lastFailureAt: Date | null;
  readonly error: string | null;
  /** How many accounts of all teams it concerns. */
  readonly accounts: number;
}

/** A provider at some of the addresses that connections lead to. */
interface PartOfProvider {
  readonly provider: string;
  readonly baseUrls: readonly (string | null)[];
}

/**
 * The rows of outages. The column `provider` holds the site; it held the provider alone in releases
 * before.
 */
export class IncidentsRepository {
  constructor(private readonly database: Database) {}

  /** Those under way, and up to `each` of every site since a time, newest first. */
  async findRecent(since: Date, each: number): Promise<PastIncident[]> {
    const { rows } = await this.database.pool.query<PastIncident>(
      `SELECT id, provider AS site, opened_at AS "openedAt", closed_at AS "closedAt", error
       FROM (
         SELECT *, row_number() OVER (PARTITION BY provider ORDER BY opened_at DESC, id DESC) AS place
         FROM provider_incidents WHERE opened_at > $1 OR closed_at IS NULL) recent
       WHERE place <= $2 ORDER BY opened_at DESC, id DESC`,
      [since, each],
    );
    return rows;
  }

  /** Each site's latest outage. */
  async findLatest(): Promise<(KnownIncident & { readonly site: string })[]> {
    const { rows } = await this.database.pool.query<KnownIncident & { readonly site: string }>(
      `SELECT DISTINCT ON (provider) provider AS site, closed_at AS "closedAt",
         last_failure_at AS "lastFailureAt"
       FROM provider_incidents ORDER BY provider, opened_at DESC, id DESC`,
    );
    return rows;
  }

  /**
   * A site's latest outage. Replicas take turns until the transaction ends, so that an outage
   * is opened by one of them.
   * @param client within a transaction
   */
  async lockLatest(client: pg.ClientBase, site: string): Promise<LatestIncident | null> {
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('incident ' || $1, 0))`, [
      site,
    ]);
    const { rows } = await client.query<LatestIncident>(
      `SELECT id, opened_at AS "openedAt", closed_at AS "closedAt",
         last_failure_at AS "lastFailureAt"
       FROM provider_incidents WHERE provider = $1 ORDER BY opened_at DESC, id DESC LIMIT 1`,
      [site],
    );
    return rows[0] ?? null;
  }

  async create(client: pg.ClientBase, incident: NewIncident): Promise<void> {
    const { id, site, openedAt, lastFailureAt, error, accounts } = incident;
    await client.query(
      `INSERT INTO provider_incidents (id, provider, opened_at, last_failure_at, error, accounts)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [id, site, openedAt, lastFailureAt, error, accounts],
    );
  }

  async prolong(client: pg.ClientBase, id: string, lastFailureAt: Date | null): Promise<void> {
    await client.query('UPDATE provider_incidents SET last_failure_at = $2 WHERE id = $1', [
      id,
      lastFailureAt,
    ]);
  }

  async close(client: pg.ClientBase, id: string, at: Date): Promise<void> {
    await client.query('UPDATE provider_incidents SET closed_at = $2 WHERE id = $1', [id, at]);
  }

  /**
   * Writes one event for each team with accounts at some addresses of a provider, and for each that
   * was told that the outage began: what is opened for a team is closed for it.
   * @returns how many accounts of all teams that are
   */
  async recordForTeams(
    client: pg.ClientBase,
    type: 'provider.incident_opened' | 'provider.incident_closed',
    { provider, baseUrls }: PartOfProvider,
    incident: { readonly id: string; readonly opened_at: Date },
    at: Date,
  ): Promise<number> {
    const { rows } = await client.query<{ team_id: string; accounts: number }>(
      `SELECT team_id, sum(accounts)::int AS accounts
       FROM (
         SELECT n.team_id, sum(n.delta) AS accounts
         FROM account_counts n JOIN connections c ON c.id = n.connection_id
         WHERE c.provider = $1 AND COALESCE(c.base_url, '') = ANY($2) AND n.status <> 'disconnected'
         GROUP BY n.team_id HAVING sum(n.delta) > 0
         UNION ALL
         SELECT team_id, 0 FROM events
         WHERE created_at = $3 AND type = 'provider.incident_opened'
           AND data -> 'incident' ->> 'id' = $4) concerned
       GROUP BY team_id`,
      [provider, baseUrls.map((url) => url ?? ''), incident.opened_at, incident.id],
    );
    const events = rows.map(({ team_id: teamId, accounts }) => ({
      teamId,
      event: { type, accountId: null, provider, data: { provider, incident, accounts } },
    }));
    await recordEventsOfTeams(client, events, at);
    return rows.reduce((sum, { accounts }) => sum + accounts, 0);
  }
}
