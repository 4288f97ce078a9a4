import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Sealer } from '../lib/seal.js';
import type { Providers } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { ConnectionsRepository } from './connections.repository.js';
import { type AfterConnecting, connectionEndpoints } from './connections.routes.js';
import { ConnectionsService } from './connections.service.js';
import { type LookAt, ProviderHooks, type SweepSoon } from './provider-hooks.js';
import { SealedCredentials } from './sealed-credentials.js';

export { connectionEvent } from './connection-events.js';
export { connectionPaused } from './connection-problems.js';
export { SEALED_CREDENTIALS } from './connections.repository.js';
export type { ConnectionsService } from './connections.service.js';
export { CredentialRefresh } from './credential-refresh.js';
export type { LookAt, SweepSoon } from './provider-hooks.js';

interface ConnectionsParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly sealer: Sealer;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of connections that are made without an interval of their own. */
  readonly sweepIntervalSeconds: number;
  readonly afterConnecting: AfterConnecting;
  /** What follows a provider's report. */
  readonly lookAt: LookAt;
}

/** A team's sets of credentials at the providers. */
export function createConnections(parts: ConnectionsParts) {
  const { database, providers, sealer, cursors, clock, sweepIntervalSeconds } = parts;
  const connections = new ConnectionsRepository(database);
  const sealed = new SealedCredentials(sealer);
  const service = new ConnectionsService({
    database,
    connections,
    providers,
    sealed,
    clock,
    sweepIntervalSeconds,
  });
  const sweepSoon: SweepSoon = async (id) => {
    if (await connections.bringSweepForward(id, clock.now())) parts.afterConnecting.wakeSweeps();
  };
  const hooks = new ProviderHooks({
    connections,
    providers,
    sealed,
    sealer,
    clock,
    logger: parts.logger,
    lookAt: parts.lookAt,
    sweepSoon,
  });
  const { abortWork } = parts.afterConnecting;
  const jobs: readonly RecurringJob[] = [
    {
      name: 'connections.abort_calls',
      everyMs: 1_000,
      run: () => service.abortUnwanted(abortWork),
      servesRequests: true,
    },
  ];
  return {
    service,
    jobs,
    sweepSoon,
    addresses: (teamId?: string, client?: pg.ClientBase) => connections.addresses(teamId, client),
    endpoints: { connections: connectionEndpoints(service, cursors, parts.afterConnecting, hooks) },
    pages: { '/hooks': hooks.router },
  };
}
