import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { MembersRepository, StaleLinks } from '../profiles/index.js';
import type { Providers } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { FindingsRepository } from './findings.repository.js';
import { findingEndpoints } from './findings.routes.js';
import { FindingsService } from './findings.service.js';
import { FindingsWatch } from './findings-watch.js';
import { PassesRepository } from './passes.repository.js';
import { SubjectsRepository } from './subjects.repository.js';

interface FindingsParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly profiles: { readonly members: MembersRepository; readonly staleLinks: StaleLinks };
}

/** Findings: what about profiles a person may want to look at. */
export function createFindings({ database, providers, cursors, clock, profiles }: FindingsParts) {
  const registry = providers.adapters;
  const findings = new FindingsRepository(database);
  const watch = new FindingsWatch({
    database,
    clock,
    registry,
    passes: new PassesRepository(database),
    subjects: new SubjectsRepository(profiles.members, profiles.staleLinks),
    findings,
  });
  const service = new FindingsService(findings, clock);
  const jobs: readonly RecurringJob[] = [
    { name: 'findings.examine', everyMs: 15_000, run: () => watch.run() },
    { name: 'findings.prune', everyMs: 60_000, run: () => watch.prune() },
  ];
  const providerIds = registry.all().map(({ id }) => id);
  return { endpoints: { findings: findingEndpoints(service, cursors, providerIds) }, jobs };
}
