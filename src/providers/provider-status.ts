import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Providers } from './client.js';
import { conditionOf, providerEndpoints, type ReadIncidents } from './providers.routes.js';
import { SharedFigures } from './shared-figures.js';

interface ProviderStatusParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly cursors: Cursors;
  readonly clock: Clock;
  /** The outages under way, by provider. */
  readonly recentIncidents: ReadIncidents;
}

/** How each provider does at the moment, over all replicas, and what it can do. */
export function createProviderStatus(parts: ProviderStatusParts) {
  const { database, providers, cursors, clock, recentIncidents } = parts;
  const figures = new SharedFigures(database, clock);
  providers.onOutcome((attempt) => figures.note(attempt));
  const ids = providers.adapters.all().map(({ id }) => id);
  return {
    endpoints: {
      providers: providerEndpoints(
        providers,
        (id, span) => figures.read(id, span),
        recentIncidents,
        cursors,
      ),
    },
    jobs: [
      {
        name: 'providers.share_figures',
        everyMs: 15_000,
        run: () => figures.share(),
        servesRequests: true,
      },
    ],
    /** One word for each provider. */
    conditions: () =>
      Object.fromEntries(
        ids.map((id) => [id, conditionOf(providers.state(id), figures.read(id, '5m'))]),
      ),
    /** Shares what was counted since the last time. */
    stop: () => figures.share().catch(() => undefined),
  };
}
