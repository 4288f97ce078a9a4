import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
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
  observeJob(name: string, durationMs: number, failed: boolean): void;
  /** The exposition text and its content type. */
  expose(): Promise<{ readonly text: string; readonly contentType: string }>;
}

export function createMetrics(): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
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
  return {
    observeRequest: (route, status, durationMs) =>
      requests.observe({ method: route.method, route: route.path, status }, durationMs / 1000),
    observeProviderCall: (provider, operation, outcome, durationMs) =>
      calls.observe({ provider, operation, outcome }, durationMs / 1000),
    observeJob: (job, durationMs, failed) => {
      jobSeconds.observe({ job }, durationMs / 1000);
      if (failed) jobFailures.inc({ job });
    },
    observeSweep: (provider, state) => sweeps.inc({ provider, state }),
    expose: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}
