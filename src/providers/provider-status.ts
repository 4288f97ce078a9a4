import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Providers } from './client.js';
import { conditionOf, providerEndpoints, type ReadIncidents } from './providers.routes.js';
import { SharedFigures } from './shared-figures.js';
import { type Address, providerOf, siteOf } from './site.js';

interface ProviderStatusParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly cursors: Cursors;
  readonly clock: Clock;
  /** The outages under way and of late, by site. */
  readonly recentIncidents: ReadIncidents;
  /** Where the connections of a team lead, or of all teams; each address once. */
  readonly addresses: (teamId?: string) => Promise<readonly Address[]>;
}

/** How each provider does at the moment, over all replicas, and what it can do. */
export function createProviderStatus(parts: ProviderStatusParts) {
  const { database, providers, cursors, clock, recentIncidents, addresses } = parts;
  const figures = new SharedFigures(database, clock);
  providers.onOutcome((attempt) => figures.note(attempt));
  const ids = providers.adapters.all().map(({ id }) => id);
  const sitesOf = (of: readonly Address[]) =>
    of.flatMap(({ provider, baseUrl }) => {
      const adapter = providers.adapters.get(provider);
      return adapter === undefined ? [] : [siteOf(adapter, baseUrl)];
    });
  const conditionAt = (site: string) =>
    conditionOf(providers.state([site]), figures.read([site], '5m'));
  return {
    endpoints: {
      providers: providerEndpoints(
        {
          providers,
          figures: (sites, span) => figures.read(sites, span),
          incidents: recentIncidents,
          sites: async (teamId) => sitesOf(await addresses(teamId)),
        },
        cursors,
      ),
    },
    jobs: [
      {
        name: 'providers.share_figures',
        everyMs: 15_000,
        run: async () => {
          await figures.share();
          providers.keepSites(new Set(sitesOf(await addresses())));
        },
        servesRequests: true,
      },
    ],
    /** How each provider does at all sites that this process has asked, of whichever teams. */
    conditions: () => {
      const asked = providers.sites();
      return Object.fromEntries(
        ids.map((id) => [
          id,
          summaryOf(asked.filter((site) => providerOf(site) === id).map(conditionAt)),
        ]),
      );
    },
    /** Writes what was counted since the last time. */
    stop: () => figures.send().catch(() => undefined),
  };
}

/** One word where all sites do alike; otherwise the worst one, and at how many of them it is so. */
function summaryOf(conditions: readonly ReturnType<typeof conditionOf>[]): string {
  const worst =
    (['down', 'degraded'] as const).find((one) => conditions.includes(one)) ?? 'operational';
  const alike = conditions.filter((one) => one === worst).length;
  return alike === conditions.length || worst === 'operational'
    ? worst
    : `${worst} at ${alike} of ${conditions.length} base URLs`;
}
