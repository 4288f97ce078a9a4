import type { ConnectionsService, LookAt, SweepSoon } from '../connections/index.js';
import type { Database, ProcessLease } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Providers } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { AccountsRepository, type SettleProfiles } from './accounts.repository.js';
import { accountEndpoints } from './accounts.routes.js';
import { AccountsService } from './accounts.service.js';
import { connectEndpoints } from './connect.routes.js';
import { ConnectService } from './connect.service.js';
import { ConnectFlowsRepository } from './connect-flows.repository.js';
import { engagementEndpoints } from './engagement.routes.js';
import { Probes } from './probes.js';
import { ACCOUNT_REPORTS, reportWork } from './report-work.js';
import { ReportsRepository } from './reports.repository.js';
import { SamplesRepository } from './samples.repository.js';
import { samplesEndpoints } from './samples.routes.js';

export {
  type AccountFilter,
  accountFilterFields,
  filterConditions,
  isOfProfiles,
  rowConditions,
  usernameKey,
} from './account-filter.js';
export { ACCOUNT_HEALTH_EXAMPLE } from './accounts.example.js';
export {
  ACCOUNT_ROW,
  type AccountRow,
  type AccountsRepository,
  type FoundAccount,
  type SettleProfiles,
} from './accounts.repository.js';
export { accountHealthSchema } from './accounts.schema.js';
export type { AccountsService } from './accounts.service.js';
export { FROM_ACCOUNTS, HEALTH_LOOKED_AT, LOOKED_AT, REF } from './accounts.sql.js';
export { ambiguousReference } from './ambiguous-reference.js';
export { recordChanges } from './changes.repository.js';
export {
  COMPARED_FACTS,
  type ComparedFact,
  changedFacts,
  changeInWords,
  compareIdentity,
  type Identity,
  identityOf,
  identityShown,
  isStale,
} from './identity.js';
export { passLabelsOn } from './labels.repository.js';
export { namesNobody } from './nobody.js';
export {
  findDiffering,
  type ObservationOwner,
  writeDiffering,
  writeObservations,
} from './observations.repository.js';
export { hasIndex } from './page-condition.js';
export { recommend } from './recommendations.js';
export { type AccountRecord, toRecord } from './record.js';

export { ACCOUNT_REPORTS };

interface AccountsParts {
  readonly database: Database;
  readonly lease: ProcessLease;
  readonly providers: Providers;
  readonly connections: ConnectionsService;
  readonly settleProfiles: SettleProfiles;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly sweepSoon: SweepSoon;
  /** Has queued looks begin now. */
  readonly wakeReports: () => void;
}

/** Every social account: lists, single accounts, and what callers do with them. */
export function createAccounts(parts: AccountsParts) {
  const { database, lease, providers, connections, cursors, clock, settleProfiles } = parts;
  const repository = new AccountsRepository(database, providers.adapters, clock);
  const probes = new Probes(database, lease, clock);
  const service = new AccountsService({
    database,
    accounts: repository,
    connections,
    providers,
    probes,
    settleProfiles,
    clock,
  });
  const connect = new ConnectService(
    new ConnectFlowsRepository(database),
    connections,
    providers,
    clock,
  );
  const reports = new ReportsRepository(database);
  const { sweepSoon, wakeReports } = parts;
  const lookAt: LookAt = async (connectionId, ids) => {
    const known = await reports.add(connectionId, ids, clock.now());
    if (known > 0) wakeReports();
    return known === new Set(ids).size;
  };
  const providerIds = providers.adapters.all().map(({ id }) => id);
  const samples = new SamplesRepository(database);
  const jobs: readonly RecurringJob[] = [
    { name: 'accounts.merge_counts', everyMs: 15_000, run: () => repository.mergeCounts() },
    {
      name: 'accounts.keep_partitions',
      everyMs: 600_000,
      run: () => samples.keepPartitions(clock.now()),
    },
    { name: 'accounts.finish_probes', everyMs: 1_000, run: () => probes.finishLeft() },
    { name: 'accounts.forget', everyMs: 15_000, run: () => samples.forget() },
  ];
  return {
    service,
    repository,
    lookAt,
    work: reportWork({ reports, accounts: service, sweepSoon, clock, holder: lease.name }),
    endpoints: {
      accounts: {
        ...accountEndpoints(service, repository, cursors, providerIds),
        ...samplesEndpoints(service, samples, clock),
      },
      engagement: engagementEndpoints(service, providers, cursors),
      connect: connectEndpoints(connect, service),
    },
    jobs,
  };
}
