import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { ProviderIncident } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import { recordEvents } from '../events/index.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Providers } from '../providers/index.js';
import { incidentStep, type KnownIncident } from './incident.js';

/** The outages of providers: opened once, closed once, and reported to every team concerned. */
export class IncidentsService {
  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly clock: Clock,
  ) {}

  /**
   * Opens, prolongs and closes incidents by what this replica sees. Run now and then, by every
   * replica.
   */
  async watch(): Promise<void> {
    const latest = await this.latest();
    for (const { id } of this.providers.adapters.all()) {
      const step = incidentStep(latest.get(id) ?? null, this.providers.state(id), this.clock.now());
      if (step !== 'leave')
        await withTransaction(this.database.pool, (client) => this.step(client, id));
    }
  }

  /** The outages under way, by provider. */
  async open(): Promise<ReadonlyMap<string, ProviderIncident>> {
    const rows = await this.database.prisma.providerIncident.findMany({
      where: { closedAt: null },
    });
    return new Map(rows.map((row) => [row.provider, row]));
  }

  /** Each provider's latest outage. */
  async latest(): Promise<ReadonlyMap<string, KnownIncident>> {
    const { rows } = await this.database.pool.query<KnownIncident & { readonly provider: string }>(
      `SELECT DISTINCT ON (provider) provider, closed_at AS "closedAt", last_failure_at AS "lastFailureAt"
       FROM provider_incidents ORDER BY provider, opened_at DESC, id DESC`,
    );
    return new Map(rows.map((row) => [row.provider, row]));
  }

  private async step(client: pg.ClientBase, provider: string): Promise<void> {
    // Replicas take turns, so that an outage is opened by one of them.
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('incident ' || $1, 0))`, [
      provider,
    ]);
    const { rows } = await client.query<IncidentRow>(
      'SELECT id, opened_at, closed_at, last_failure_at FROM provider_incidents WHERE provider = $1 ORDER BY opened_at DESC, id DESC LIMIT 1',
      [provider],
    );
    const [latest = null] = rows;
    const state = this.providers.state(provider);
    const now = this.clock.now();
    const step = incidentStep(
      latest && { closedAt: latest.closed_at, lastFailureAt: latest.last_failure_at },
      state,
      now,
    );
    if (step === 'open') {
      const id = newId('inc');
      const touched = await this.tell(
        client,
        'provider.incident_opened',
        provider,
        { id, opened_at: now, error: state.lastError },
        now,
      );
      await client.query(
        `INSERT INTO provider_incidents (id, provider, opened_at, last_failure_at, error, accounts) VALUES ($1, $2, $3, $4, $5, $6)`,
        [id, provider, now, state.lastFailureAt, state.lastError, touched],
      );
    } else if (step === 'prolong') {
      await client.query('UPDATE provider_incidents SET last_failure_at = $2 WHERE id = $1', [
        latest?.id,
        state.lastFailureAt,
      ]);
    } else if (step === 'close' && latest) {
      await client.query('UPDATE provider_incidents SET closed_at = $2 WHERE id = $1', [
        latest.id,
        now,
      ]);
      const facts = { id: latest.id, opened_at: latest.opened_at, closed_at: now };
      await this.tell(client, 'provider.incident_closed', provider, facts, now);
    }
  }

  /**
   * One event for each team with accounts there.
   * @returns how many accounts of all teams that are
   */
  private async tell(
    client: pg.ClientBase,
    type: 'provider.incident_opened' | 'provider.incident_closed',
    provider: string,
    incident: object,
    at: Date,
  ): Promise<number> {
    const { rows } = await client.query<{ team_id: string; accounts: number }>(
      `SELECT team_id, sum(delta)::int AS accounts FROM account_counts
       WHERE provider = $1 AND status <> 'disconnected' GROUP BY team_id HAVING sum(delta) > 0`,
      [provider],
    );
    for (const { team_id, accounts } of rows) {
      await recordEvents(
        client,
        team_id,
        [{ type, accountId: null, provider, data: { provider, incident, accounts } }],
        at,
      );
    }
    return rows.reduce((sum, { accounts }) => sum + accounts, 0);
  }
}

interface IncidentRow {
  readonly id: string;
  readonly opened_at: Date;
  readonly closed_at: Date | null;
  readonly last_failure_at: Date;
}
