import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { RecurringJob } from '../work/index.js';
import { CallerAuthenticator } from './authenticator.js';
import { DatabaseKeyWatch } from './key-watch.js';
import { KeysRepository } from './keys.repository.js';
import { type DisableWebhooks, KeysService } from './keys.service.js';
import { SessionsRepository } from './sessions.repository.js';
import { sessionEndpoints } from './sessions.routes.js';
import { SessionsService } from './sessions.service.js';
import { TeamsRepository } from './teams.repository.js';
import { teamEndpoints } from './teams.routes.js';
import { TeamsService } from './teams.service.js';

export { makeKey, parseKey } from './key-format.js';
export { RootKeyFile, type RootKeyWords } from './root-key-file.js';
export { MAX_PROVIDERS } from './teams.requests.js';
export { DEFAULT_TEAM_ID, type TeamsService } from './teams.service.js';

interface TeamsParts {
  readonly database: Database;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly logger: Logger;
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
  const sessionsRepository = new SessionsRepository(database, keysRepository);
  const sessions = new SessionsService({
    database,
    teams: service,
    keys: keysRepository,
    sessions: sessionsRepository,
    clock,
  });
  const jobs: readonly RecurringJob[] = [
    { name: 'teams.compact_versions', everyMs: 15_000, run: () => service.compactVersions() },
    { name: 'sessions.expire', everyMs: 60_000, run: () => sessions.expire() },
  ];
  return {
    service,
    keys,
    keyWatch: new DatabaseKeyWatch(keysRepository, clock),
    authenticator: new CallerAuthenticator(database, service, sessionsRepository, clock),
    sessions,
    endpoints: {
      teams: teamEndpoints({ teams: service, keys, cursors, providerIds }),
      sessions: sessionEndpoints(sessions, cursors, parts.logger),
    },
    jobs,
  };
}
