import type pg from 'pg';
import type { AccountsRepository, AccountsService } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import type { FeedReader } from '../events/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Address, Providers } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { healthEndpoints } from './health.routes.js';
import { HealthService } from './health.service.js';
import { HistoryRepository } from './history.repository.js';
import { IncidentsService } from './incidents.service.js';
import { LevelsRepository } from './levels.repository.js';
import { NOTE_EVERY_MS, RunningTime } from './running-time.js';
import { TransitionsRepository } from './transitions.repository.js';

export { STANDS_FOR_INTERVALS } from './verdict.js';
export { markHealthUnknown } from './verdicts.repository.js';

interface HealthParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly accounts: AccountsService;
  readonly accountsRepository: AccountsRepository;
  readonly feeds: FeedReader;
  readonly cursors: Cursors;
  readonly clock: Clock;
  /** Where the connections of all teams lead, each address once. */
  readonly addresses: (client?: pg.ClientBase) => Promise<readonly Address[]>;
}

/** How verdicts age, what they were, and the outages of providers. */
export function createHealth(parts: HealthParts) {
  const { database, providers, accounts, accountsRepository, feeds, cursors, clock } = parts;
  const incidents = new IncidentsService(parts);
  const runningTime = new RunningTime(database, clock);
  const service = new HealthService({
    database,
    registry: providers.adapters,
    accounts,
    accountsRepository,
    transitions: new TransitionsRepository(database, feeds),
    history: new HistoryRepository(database),
    levels: new LevelsRepository(database),
    incidents,
    runningTime,
    cursors,
    clock,
  });
  const jobs: readonly RecurringJob[] = [
    // By itself, so that work that takes long is no absence.
    { name: 'health.note_running', everyMs: NOTE_EVERY_MS, run: () => runningTime.note() },
    // An outage is known before verdicts age by it.
    {
      name: 'health.age',
      everyMs: 1_000,
      run: async () => {
        await incidents.watch();
        await service.age();
      },
    },
    { name: 'health.note_levels', everyMs: 60_000, run: () => service.noteLevels() },
    { name: 'health.prune', everyMs: 15_000, run: () => service.prune() },
  ];
  return {
    incidents,
    endpoints: {
      health: healthEndpoints(
        service,
        providers.adapters.all().map(({ id }) => id),
      ),
    },
    jobs,
    /** Notes that this gateway runs, and reports for how long none did. */
    start: () => runningTime.note(),
  };
}
