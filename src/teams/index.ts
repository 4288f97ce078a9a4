import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { RecurringJob } from '../work/index.js';
import { DatabaseKeyWatch } from './key-watch.js';
import { KeysRepository } from './keys.repository.js';
import { type DisableWebhooks, KeysService } from './keys.service.js';
import { TeamsRepository } from './teams.repository.js';
import { teamEndpoints } from './teams.routes.js';
import { TeamsService } from './teams.service.js';

export { parseKey } from './key-format.js';
export { RootKeyFile, type RootKeyWords } from './root-key-file.js';
export { MAX_PROVIDERS } from './teams.requests.js';
export { DEFAULT_TEAM_ID, type TeamsService } from './teams.service.js';

interface TeamsParts {
  readonly database: Database;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly providerIds: readonly string[];
  readonly disableWebhooks: DisableWebhooks;
}

/** Teams, their keys, and who a request comes from. */
export function createTeams(parts: TeamsParts) {
  const { database, cursors, clock, providerIds } = parts;
  const teams = new TeamsRepository(database);
  const keysRepository = new KeysRepository(database, providerIds);
  const service = new TeamsService(database, teams, keysRepository, clock);
  const keys = new KeysService(database, keysRepository, clock, parts.disableWebhooks);
  const jobs: readonly RecurringJob[] = [
    { name: 'teams.compact_versions', everyMs: 15_000, run: () => service.compactVersions() },
  ];
  return {
    service,
    keys,
    keyWatch: new DatabaseKeyWatch(keysRepository, clock),
    endpoints: { teams: teamEndpoints({ teams: service, keys, cursors, providerIds }) },
    jobs,
  };
}
