import type pg from 'pg';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import { MAX_SHOWN_INCIDENTS, type Providers } from '../providers/index.js';
import { incidentStep, type KnownIncident } from './incident.js';
import { IncidentsRepository, type PastIncident } from './incidents.repository.js';

const SHOWN_MS = 90 * 86_400_000;

/** The outages of providers: opened once, closed once, and reported to every team concerned. */
export class IncidentsService {
  private readonly incidents: IncidentsRepository;

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly clock: Clock,
  ) {
    this.incidents = new IncidentsRepository(database);
  }

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

  /**
   * Opens the incident of a provider that has answered nobody here since one of its connections
   * fell silent, however few calls that were.
   * @returns whether an incident is open
   */
  async openIfDown(provider: string, silentSince: Date | null): Promise<boolean> {
    const { lastSuccessAt, lastFailureAt } = this.providers.state(provider);
    const isDown =
      silentSince !== null &&
      lastFailureAt !== null &&
      lastFailureAt >= silentSince &&
      (lastSuccessAt === null || lastSuccessAt < silentSince);
    if (!isDown) return false;
    await withTransaction(this.database.pool, async (client) => {
      const latest = await this.incidents.lockLatest(client, provider);
      if (latest === null || latest.closedAt !== null) {
        await this.begin(client, provider, this.clock.now());
      }
    });
    return true;
  }

  /** The outages under way and of the last 90 days, up to ten of each provider, newest first. */
  async recent(): Promise<ReadonlyMap<string, readonly PastIncident[]>> {
    const since = new Date(this.clock.now().getTime() - SHOWN_MS);
    const rows = await this.incidents.findRecent(since, MAX_SHOWN_INCIDENTS);
    const found = new Map<string, PastIncident[]>();
    for (const row of rows) found.set(row.provider, [...(found.get(row.provider) ?? []), row]);
    return found;
  }

  /** Each provider's latest outage. */
  async latest(): Promise<ReadonlyMap<string, KnownIncident>> {
    const rows = await this.incidents.findLatest();
    return new Map(rows.map((row) => [row.provider, row]));
  }

  private async step(client: pg.ClientBase, provider: string): Promise<void> {
    const latest = await this.incidents.lockLatest(client, provider);
    const state = this.providers.state(provider);
    const now = this.clock.now();
    const step = incidentStep(latest, state, now);
    if (step === 'open') {
      await this.begin(client, provider, now);
    } else if (step === 'prolong' && latest) {
      await this.incidents.prolong(client, latest.id, state.lastFailureAt);
    } else if (step === 'close' && latest) {
      await this.incidents.close(client, latest.id, now);
      const facts = { id: latest.id, opened_at: latest.openedAt, closed_at: now };
      await this.incidents.recordForTeams(client, 'provider.incident_closed', provider, facts, now);
    }
  }

  private async begin(client: pg.ClientBase, provider: string, now: Date): Promise<void> {
    const id = newId('inc');
    const { lastFailureAt, lastError: error } = this.providers.state(provider);
    const accounts = await this.incidents.recordForTeams(
      client,
      'provider.incident_opened',
      provider,
      { id, opened_at: now, error },
      now,
    );
    const incident = { id, provider, openedAt: now, lastFailureAt, error, accounts };
    await this.incidents.create(client, incident);
  }
}
