import type { ConnectionsService } from '../connections/index.js';
import type { Database } from '../database/index.js';
import type { Jobs } from '../database/jobs.js';
import type { Cursors } from '../http/cursor.js';
import type { Metrics } from '../http/metrics.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Tracing } from '../lib/tracing.js';
import type { Providers } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { SweepRunner } from './sweep-runner.js';
import { SweepsRepository } from './sweeps.repository.js';
import { sweepEndpoints } from './sweeps.routes.js';
import { SweepsService } from './sweeps.service.js';

export type { SweepsService } from './sweeps.service.js';

interface SweepsParts {
  readonly database: Database;
  readonly queues: Jobs;
  readonly providers: Providers;
  readonly connections: ConnectionsService;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

/** Walks over everything that connections list: when they are due, and what came of them. */
export function createSweeps({ connections, cursors, queues, ...parts }: SweepsParts) {
  const { database, clock } = parts;
  const sweeps = new SweepsRepository(database);
  const runner = new SweepRunner({ ...parts, connections, sweeps });
  const service = new SweepsService({ database, sweeps, runner, queues, clock });
  const jobs: readonly RecurringJob[] = [
    { name: 'sweeps.schedule', everyMs: 1_000, run: () => service.scheduleDue() },
    { name: 'sweeps.resume', everyMs: 15_000, run: () => service.resumeLeftBehind() },
    { name: 'sweeps.prune', everyMs: 60_000, run: () => service.prune() },
  ];
  return {
    service,
    endpoints: { sweeps: sweepEndpoints(service, connections, cursors) },
    jobs,
    /** Runs the sweeps that are queued from now on, those left behind first. */
    start: () => service.start(),
    stop: () => service.stop(),
  };
}
