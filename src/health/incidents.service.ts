import type pg from 'pg';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import {
  type Address,
  MAX_SHOWN_INCIDENTS,
  type Providers,
  providerOf,
  siteOf,
} from '../providers/index.js';
import { incidentStep, type KnownIncident } from './incident.js';
import { IncidentsRepository, type PastIncident } from './incidents.repository.js';

const SHOWN_MS = 90 * 86_400_000;

/** What the service stands on. */
interface IncidentsParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly clock: Clock;
  /** Where the connections of all teams lead, each address once. */
  readonly addresses: (client?: pg.ClientBase) => Promise<readonly Address[]>;
}

/**
 * The outages of providers, by site: opened once, closed once, and reported to every team that has
 * accounts there.
 */
export class IncidentsService {
  private readonly incidents: IncidentsRepository;

  constructor(private readonly parts: IncidentsParts) {
    this.incidents = new IncidentsRepository(parts.database);
  }

  /**
   * Opens, prolongs and closes incidents by what this replica sees. Run now and then, by every
   * replica.
   */
  async watch(): Promise<void> {
    const { providers, database } = this.parts;
    const latest = await this.latest();
    const asked = new Set(providers.sites());
    const elsewhere = [...latest].flatMap(([site, { closedAt }]) =>
      closedAt === null && !asked.has(site) ? [site] : [],
    );
    const used = elsewhere.length === 0 ? asked : new Set((await this.bySite()).keys());
    for (const site of [...asked, ...elsewhere]) {
      const isUsed = asked.has(site) || used.has(site);
      if (this.nextStep(site, latest.get(site) ?? null, isUsed) !== 'leave')
        await withTransaction(database.pool, (client) => this.step(client, site, isUsed));
    }
  }

  /**
   * Opens the incident of a site that has answered nobody here since one of its connections fell
   * silent, however few calls that were.
   * @returns whether an incident is open
   */
  async openIfDown({ provider, baseUrl }: Address, silentSince: Date | null): Promise<boolean> {
    const { database, providers, clock } = this.parts;
    const site = siteOf(providers.adapters.require(provider), baseUrl);
    const { lastSuccessAt, lastFailureAt } = providers.state([site]);
    const isDown =
      silentSince !== null &&
      lastFailureAt !== null &&
      lastFailureAt >= silentSince &&
      (lastSuccessAt === null || lastSuccessAt < silentSince);
    if (!isDown) return false;
    await withTransaction(database.pool, async (client) => {
      const latest = await this.incidents.lockLatest(client, site);
      if (latest === null || latest.closedAt !== null) {
        await this.begin(client, site, clock.now());
      }
    });
    return true;
  }

  /** The outages under way and of the last 90 days, up to ten of each site, newest first. */
  async recent(): Promise<ReadonlyMap<string, readonly PastIncident[]>> {
    const since = new Date(this.parts.clock.now().getTime() - SHOWN_MS);
    const rows = await this.incidents.findRecent(since, MAX_SHOWN_INCIDENTS);
    const found = new Map<string, PastIncident[]>();
    for (const row of rows) found.set(row.site, [...(found.get(row.site) ?? []), row]);
    return found;
  }

  /**
   * The addresses that connections lead to, and when the last outage there ended: `open` while it
   * is under way. Those without one are left out.
   */
  async outages(): Promise<readonly (Address & { readonly endedAt: Date | 'open' })[]> {
    const latest = await this.latest();
    if (latest.size === 0) return [];
    return [...(await this.bySite())].flatMap(([site, addresses]) => {
      const outage = latest.get(site);
      if (outage === undefined) return [];
      const endedAt = outage.closedAt ?? 'open';
      return addresses.map((address) => ({ ...address, endedAt }));
    });
  }

  /** Each site's latest outage. */
  private async latest(): Promise<ReadonlyMap<string, KnownIncident>> {
    const rows = await this.incidents.findLatest();
    return new Map(rows.map((row) => [row.site, row]));
  }

  /** The addresses that connections lead to. */
  private async bySite(client?: pg.ClientBase): Promise<ReadonlyMap<string, readonly Address[]>> {
    const { providers, addresses } = this.parts;
    const found = new Map<string, Address[]>();
    for (const address of await addresses(client)) {
      const adapter = providers.adapters.get(address.provider);
      if (adapter === undefined) continue;
      const site = siteOf(adapter, address.baseUrl);
      found.set(site, [...(found.get(site) ?? []), address]);
    }
    return found;
  }

  private nextStep(site: string, latest: KnownIncident | null, isUsed: boolean) {
    const { providers, clock } = this.parts;
    return incidentStep(latest, { ...providers.state([site]), isUsed }, clock.now());
  }

  private async step(client: pg.ClientBase, site: string, isUsed: boolean): Promise<void> {
    const latest = await this.incidents.lockLatest(client, site);
    const now = this.parts.clock.now();
    const step = this.nextStep(site, latest, isUsed);
    if (step === 'open') {
      await this.begin(client, site, now);
    } else if (step === 'prolong' && latest) {
      const { lastFailureAt } = this.parts.providers.state([site]);
      await this.incidents.prolong(client, latest.id, lastFailureAt);
    } else if (step === 'close' && latest) {
      await this.incidents.close(client, latest.id, now);
      const facts = { id: latest.id, opened_at: latest.openedAt, closed_at: now };
      await this.record(client, 'provider.incident_closed', site, facts);
    }
  }

  private async begin(client: pg.ClientBase, site: string, now: Date): Promise<void> {
    const id = newId('inc');
    const { lastFailureAt, lastError: error } = this.parts.providers.state([site]);
    const facts = { id, opened_at: now, error };
    const accounts = await this.record(client, 'provider.incident_opened', site, facts);
    const incident = { id, site, openedAt: now, lastFailureAt, error, accounts };
    await this.incidents.create(client, incident);
  }

  /** @returns how many accounts of all teams the outage concerns */
  private async record(
    client: pg.ClientBase,
    type: 'provider.incident_opened' | 'provider.incident_closed',
    site: string,
    facts: { readonly id: string; readonly opened_at: Date; readonly closed_at?: Date },
  ): Promise<number> {
    const addresses = (await this.bySite(client)).get(site) ?? [];
    const part = { provider: providerOf(site), baseUrls: addresses.map(({ baseUrl }) => baseUrl) };
    const at = facts.closed_at ?? facts.opened_at;
    return this.incidents.recordForTeams(client, type, part, facts, at);
  }
}
