import { z } from 'zod';
import { dataOf, listOf, timestamp } from '../http/page.js';
import { notFound } from '../http/problem.js';
import { endpoint } from '../http/route.js';
import type { AnyAdapter } from '../model/index.js';
import { type Caller, maySeeProvider } from '../teams/caller.js';
import type { ProviderState, Providers } from './index.js';
import { operationsOf } from './offered-operations.js';

/** Below this share of good answers in five minutes a provider counts as degraded. */
const DEGRADED_BELOW_PERCENT = 95;

const providerSchema = z
  .object({
    id: z.string(),
    type: z.literal('provider'),
    name: z.string(),
    docs_url: z.string(),
    platforms: z.array(z.string()),
    operations: z.array(z.string()),
    connect: z.object({ flow: z.enum(['oauth', 'dashboard']), instructions: z.string(), url: z.string() }).nullable(),
    disconnect: z.object({ destroys_data: z.boolean(), revokes_token: z.boolean(), reversible: z.boolean(), how_to_reconnect: z.string() }),
    state: z.object({
      status: z.enum(['operational', 'degraded', 'down']),
      since: timestamp.nullable(),
      success_rate: z.number().nullable(),
      latency_p50_ms: z.number().nullable(),
      latency_p95_ms: z.number().nullable(),
      last_success_at: timestamp.nullable(),
      last_failure_at: timestamp.nullable(),
      last_error: z.string().nullable(),
      circuit: z.enum(['closed', 'open', 'half_open']),
      incident: z.object({ id: z.string(), opened_at: timestamp, error: z.string().nullable() }).nullable(),
    }),
  })
  .meta({ id: 'Provider' });

/** An outage under way, as all replicas know it. */
interface Incident {
  readonly id: string;
  readonly openedAt: Date;
  readonly error: string | null;
}

/** What each provider is, can do, and how it does at the moment. */
export function providerEndpoints(providers: Providers, incidents: () => Promise<ReadonlyMap<string, Incident>>) {
  const seenBy = (caller: Caller) => providers.adapters.all().filter((adapter) => maySeeProvider(caller, adapter.id));
  return {
    list: endpoint({
      summary: 'The providers, what they can do and how they do',
      answers: { 200: listOf(providerSchema) },
      handle: async (call) => {
        const open = await incidents();
        const data = seenBy(call.caller).map((adapter) => toAnswer(adapter, providers, open));
        const pagination = { next_cursor: null, has_next: false, limit: 200 };
        return { status: 200, body: { data, pagination, filters: {} }, headers: { Link: `<${call.url}>; rel="first"` } };
      },
    }),
    get: endpoint({
      summary: 'One provider',
      params: z.object({ provider: z.string().meta({ description: 'Its id.' }) }),
      answers: { 200: dataOf(providerSchema) },
      handle: async (call) => {
        const adapter = seenBy(call.caller).find(({ id }) => id === call.params.provider);
        if (!adapter) throw notFound(`Provider ${call.params.provider}`);
        return { status: 200, body: { data: toAnswer(adapter, providers, await incidents()) } };
      },
    }),
  };
}

/** One word for how a provider does, from what this process saw of it. */
export function conditionOf(state: ProviderState): 'operational' | 'degraded' | 'down' {
  if (state.circuit === 'open') return 'down';
  const isDegraded = state.circuit === 'half_open' || (state.successRate5m !== null && state.successRate5m < DEGRADED_BELOW_PERCENT);
  return isDegraded ? 'degraded' : 'operational';
}

function toAnswer(adapter: AnyAdapter, providers: Providers, incidents: ReadonlyMap<string, Incident>) {
  const state = providers.state(adapter.id);
  const incident = incidents.get(adapter.id);
  const { destroysData, revokesToken, reversible, howToReconnect } = adapter.disconnectEffect;
  return {
    id: adapter.id,
    type: 'provider',
    name: adapter.name,
    docs_url: adapter.docs,
    platforms: adapter.platforms,
    operations: [
      ...(adapter.operations.create ? ['create'] : []),
      ...(adapter.operations.connectStart ? ['connect'] : []),
      ...operationsOf(adapter),
    ],
    connect: adapter.connect ?? null,
    disconnect: { destroys_data: destroysData, revokes_token: revokesToken, reversible, how_to_reconnect: howToReconnect },
    state: {
      status: incident && state.circuit !== 'closed' ? 'down' : conditionOf(state),
      since: state.since,
      success_rate: state.successRate5m,
      latency_p50_ms: state.latencyP50Ms,
      latency_p95_ms: state.latencyP95Ms,
      last_success_at: state.lastSuccessAt,
      last_failure_at: state.lastFailureAt,
      last_error: state.lastError,
      circuit: state.circuit,
      incident: incident ? { id: incident.id, opened_at: incident.openedAt, error: incident.error } : null,
    },
  };
}
