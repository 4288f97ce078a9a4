import { setTimeout } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../lib/clock.js';
import { mergeExpositions } from './merged-metrics.js';
import type { Route } from './route.js';

/** What Prometheus scrapes at `/metrics`. */
export interface Metrics {
  observeRequest(route: Route, status: number, durationMs: number): void;
  observeProviderCall(
    provider: string,
    operation: string,
    outcome: string,
    durationMs: number,
  ): void;
  observeSweep(provider: string, state: string): void;
  /** @param server the primary or a replica that a read came from */
  observeRead(server: string): void;
  /** Shows by how many seconds each replica is behind, by name. */
  watchReplicas(ask: () => ReadonlyMap<string, number>): void;
  observeJob(name: string, durationMs: number, failed: boolean): void;
  observeWork(kind: string, durationMs: number, failed: boolean): void;
  /** Shows how much background work there is, by kind; asked at each scrape. */
  watchWork(ask: () => Promise<ReadonlyMap<string, WorkFigures>>, clock: Clock): void;
  /** Shows how many seconds feeds are behind; asked at each scrape, and answered soon. */
  watchFeeds(ask: () => Promise<number>): void;
  /** Shows how this process uses its connections to the database. */
  watchPool(ask: () => PoolFigures): void;
  /** Shows how many requests are under way, streams among them. */
  watchRequests(ask: () => number): void;
  /** Shows how full this process's ways out to the providers are, by provider. */
  watchProviders(ask: () => ReadonlyMap<string, ProviderFigures>): void;
  /** The exposition text and its content type. */
  expose(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Connections of one process to the database, as they are when they are read. */
interface PoolFigures {
  readonly total: number;
  readonly idle: number;
  /** Queries that wait for one. */
  readonly waiting: number;
}

/** What one process has under way at one provider. */
export interface ProviderFigures {
  /** Calls that are asked. */
  readonly running: number;
  /** Calls that wait for their turn, with all keys. */
  readonly waiting: number;
  /** Groups of operations whose circuit is not closed. */
  readonly openCircuits: number;
}

/** How much of one kind of background work there is, for all replicas. */
interface WorkFigures {
  readonly due: number;
  readonly leased: number;
  readonly oldestDueAt: Date | null;
}

/** The other processes behind the same port, of which a scrape reaches any. */
export interface Siblings {
  /** Of this process; its samples have it as label `process`. */
  readonly number: number;
  /** @param own asks for this process's exposition */
  tells(own: () => Promise<string>): void;
  /** The expositions of all that answer soon, this process's among them. */
  gather(): Promise<readonly string[]>;
}

/**
 * The metrics of this process.
 * @param siblings the other processes behind the same port, whose metrics are shown too
 */
export function createMetrics(siblings?: Siblings): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  if (siblings) registry.setDefaultLabels({ process: String(siblings.number) });
  collectDefaultMetrics({ register: registry });
  siblings?.tells(() => registry.metrics());
  const requests = new Histogram({
    name: 'rollcall_http_request_duration_seconds',
    help: 'Time to answer a request.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const calls = new Histogram({
    name: 'rollcall_provider_call_duration_seconds',
    help: 'Time a provider took to answer one attempt.',
    labelNames: ['provider', 'operation', 'outcome'],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const sweeps = new Counter({
    name: 'rollcall_sweeps_total',
    help: 'Finished sweeps.',
    labelNames: ['provider', 'state'],
    registers,
  });
  const reads = new Counter({
    name: 'rollcall_reads_total',
    help: 'Reads that a replica may serve, by the server that did.',
    labelNames: ['server'],
    registers,
  });
  const jobSeconds = new Histogram({
    name: 'rollcall_job_seconds',
    help: 'Time of one run of a recurring job.',
    labelNames: ['job'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60],
    registers,
  });
  const jobFailures = new Counter({
    name: 'rollcall_job_failures_total',
    help: 'Runs of a recurring job that failed.',
    labelNames: ['job'],
    registers,
  });
  const workSeconds = new Histogram({
    name: 'rollcall_work_seconds',
    help: 'Time of the work on one item.',
    labelNames: ['kind'],
    buckets: [0.01, 0.05, 0.25, 1, 5, 15, 60, 300],
    registers,
  });
  const workFailures = new Counter({
    name: 'rollcall_work_failures_total',
    help: 'Items of background work that the gateway failed at and put off.',
    labelNames: ['kind'],
    registers,
  });
  return {
    observeRequest: (route, status, durationMs) =>
      requests.observe({ method: route.method, route: route.path, status }, durationMs / 1000),
    observeProviderCall: (provider, operation, outcome, durationMs) =>
      calls.observe({ provider, operation, outcome }, durationMs / 1000),
    observeJob: (job, durationMs, failed) => {
      jobSeconds.observe({ job }, durationMs / 1000);
      if (failed) jobFailures.inc({ job });
    },
    observeWork: (kind, durationMs, failed) => {
      workSeconds.observe({ kind }, durationMs / 1000);
      if (failed) workFailures.inc({ kind });
    },
    watchWork: (ask, clock) => watchWork(registers, ask, clock),
    observeRead: (server) => reads.inc({ server }),
    watchReplicas: (ask) => watchReplicas(registers, ask),
    watchFeeds: (ask) => watchFeeds(registers, ask),
    watchPool: (ask) => watchPool(registers, ask),
    watchRequests: (ask) => watchRequests(registers, ask),
    watchProviders: (ask) => watchProviders(registers, ask),
    observeSweep: (provider, state) => sweeps.inc({ provider, state }),
    expose: async () => ({
      text: siblings ? mergeExpositions(await siblings.gather()) : await registry.metrics(),
      contentType: registry.contentType,
    }),
  };
}

/** A scrape waits no longer for the database: it tells of overload, too. */
const MAX_FIGURES_MS = 1_000;

function watchFeeds(registers: Registry[], ask: () => Promise<number>): void {
  const lag: Gauge = new Gauge({
    name: 'rollcall_feed_lag_seconds',
    help: 'Age of the oldest event that is written and that no feed shows yet; 0 when there is none.',
    registers,
    collect: () =>
      ask().then(
        (seconds) => lag.set(seconds),
        () => lag.remove(),
      ),
  });
}

function watchReplicas(registers: Registry[], ask: () => ReadonlyMap<string, number>): void {
  const lag: Gauge = new Gauge({
    name: 'rollcall_read_replica_lag_seconds',
    help: 'Seconds by which a read replica is behind at most; +Inf while it cannot be used.',
    labelNames: ['server'],
    registers,
    collect: () => {
      for (const [server, seconds] of ask()) lag.set({ server }, seconds);
    },
  });
}

function watchPool(registers: Registry[], ask: () => PoolFigures): void {
  const connections: Gauge<'state'> = new Gauge({
    name: 'rollcall_database_connections',
    help: 'Connections of this process to the database.',
    labelNames: ['state'],
    registers,
    collect: () => {
      const { total, idle } = ask();
      connections.set({ state: 'idle' }, idle);
      connections.set({ state: 'used' }, total - idle);
    },
  });
  const waiting: Gauge = new Gauge({
    name: 'rollcall_database_queries_waiting',
    help: 'Queries of this process that wait for a connection to the database.',
    registers,
    collect: () => waiting.set(ask().waiting),
  });
}

function watchRequests(registers: Registry[], ask: () => number): void {
  const requests: Gauge = new Gauge({
    name: 'rollcall_http_requests_in_progress',
    help: 'Requests of callers that this process has under way, open streams among them.',
    registers,
    collect: () => requests.set(ask()),
  });
}

function watchProviders(
  registers: Registry[],
  ask: () => ReadonlyMap<string, ProviderFigures>,
): void {
  const calls: Gauge<'provider' | 'state'> = new Gauge({
    name: 'rollcall_provider_calls',
    help: 'Calls of this process to a provider that run, and that wait for their turn.',
    labelNames: ['provider', 'state'],
    registers,
    collect: () => {
      for (const [provider, { running, waiting }] of ask()) {
        calls.set({ provider, state: 'running' }, running);
        calls.set({ provider, state: 'waiting' }, waiting);
      }
    },
  });
  const circuits: Gauge<'provider'> = new Gauge({
    name: 'rollcall_provider_open_circuits',
    help: 'Groups of operations of a provider that this process does not ask, or only tries.',
    labelNames: ['provider'],
    registers,
    collect: () => {
      for (const [provider, { openCircuits }] of ask()) circuits.set({ provider }, openCircuits);
    },
  });
}

async function tooLate(): Promise<never> {
  await setTimeout(MAX_FIGURES_MS, undefined, { ref: false });
  throw new Error('the database took too long');
}

/** While the database does not answer the figures are missing, and the others are there. */
function watchWork(
  registers: Registry[],
  ask: () => Promise<ReadonlyMap<string, WorkFigures>>,
  clock: Clock,
): void {
  let asked: Promise<void> | undefined;
  // A scrape collects all three at once, and asks once.
  const collect = (): Promise<void> => {
    asked ??= Promise.race([ask(), tooLate()])
      .then(show, reset)
      .finally(() => {
        asked = undefined;
      });
    return asked;
  };
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['kind'], registers, collect });
  const due = gauge('rollcall_work_due', 'Items of background work that are due and wait.');
  const leased = gauge('rollcall_work_leased', 'Items of background work that are under way.');
  const oldest = gauge(
    'rollcall_work_oldest_due_seconds',
    'Age of the item that has been due and waiting the longest; 0 when none waits.',
  );
  const reset = () => {
    for (const gauges of [due, leased, oldest]) gauges.reset();
  };
  const show = (kinds: ReadonlyMap<string, WorkFigures>) => {
    for (const [kind, figures] of kinds) {
      const { oldestDueAt } = figures;
      const ageMs = oldestDueAt === null ? 0 : clock.now().getTime() - oldestDueAt.getTime();
      due.set({ kind }, figures.due);
      leased.set({ kind }, figures.leased);
      oldest.set({ kind }, ageMs / 1000);
    }
  };
}
