import type { SettleProfiles } from '../accounts/index.js';
import type { ConnectionsService } from '../connections/index.js';
import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Metrics } from '../http/metrics.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Tracing } from '../lib/tracing.js';
import type { Providers } from '../providers/index.js';
import { type RecurringJob, workKind } from '../work/index.js';
import { RunLeases } from './run-lease.repository.js';
import { DEFAULT_SWEEP_LIMITS, type SweepLimits } from './sweep-budget.js';
import { SweepRunner } from './sweep-runner.js';
import { SweepsRepository } from './sweeps.repository.js';
import { sweepEndpoints } from './sweeps.routes.js';
import { SweepsService } from './sweeps.service.js';

export type { SweepLimits } from './sweep-budget.js';
export type { SweepsService } from './sweeps.service.js';

interface SweepsParts {
  readonly database: Database;
  /** The name of the process. */
  readonly holder: string;
  readonly providers: Providers;
  readonly connections: ConnectionsService;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly settleProfiles: SettleProfiles;
  /** Over the defaults. */
  readonly limits: Partial<SweepLimits>;
  /** Has queued sweeps begin now. */
  readonly wake: () => void;
}

/** What a sweep may take beyond its budget until it is aborted: the calls that are under way. */
const SLACK_SECONDS = 120;
const POLL_MS = 1_000;

/** Sweeps over everything that connections list: when they are due, and their results. */
export function createSweeps({ connections, cursors, wake, ...parts }: SweepsParts) {
  const { database, clock } = parts;
  const limits = { ...DEFAULT_SWEEP_LIMITS, ...parts.limits };
  const sweeps = new SweepsRepository(database);
  const runs = new RunLeases(database.pool, parts.holder);
  const runner = new SweepRunner({ ...parts, runs, connections, sweeps, limits });
  const service = new SweepsService({ database, sweeps, runs, runner, clock, wake });
  // Each wants a database connection for every page.
  const maxInAll = Math.max(3, Math.floor(((database.pool.options.max ?? 0) * 2) / 3));
  const jobs: readonly RecurringJob[] = [
    { name: 'sweeps.schedule', everyMs: 1_000, run: () => service.scheduleDue() },
    { name: 'sweeps.prune', everyMs: 60_000, run: () => service.prune() },
  ];
  return {
    service,
    endpoints: { sweeps: sweepEndpoints(service, connections, cursors) },
    jobs,
    work: workKind({
      name: SWEEPS,
      queue: sweeps.queue,
      maxPerLane: () => 1,
      maxInAll,
      maxPerShare: (share) => maxOfShare(share, maxInAll),
      deadlineMs: (limits.maxSeconds + SLACK_SECONDS) * 1000,
      pollMs: POLL_MS,
      finishesOnStop: false,
      run: ({ id }, _lane, { signal }) => runner.run(id, signal),
    }),
  };
}

/** The kind of work. */
export const SWEEPS = 'sweeps';

/**
 * Of all places a team gets half at one provider, and a team or a provider as a whole gets three
 * quarters, so that many slow connections leave places to others.
 */
function maxOfShare(share: string, maxInAll: number): number {
  return Math.ceil(maxInAll * (share.startsWith('both ') ? 1 / 2 : 3 / 4));
}
