import { z } from 'zod';
import { type Caller, maySeeProvider } from '../http/caller.js';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf, type Rows, timestamp } from '../http/page.js';
import { notFound } from '../http/problem.js';
import { endpoint } from '../http/route.js';
import { paging } from '../http/validate.js';
import {
  type AnyAdapter,
  credentialFields,
  DEFAULT_ROLE,
  ID_SCOPES,
  idScope,
  MAX_CREDENTIALS,
  ROLES,
  recordOf,
} from '../model/index.js';
import type { CallFigures, Span } from './call-figures.js';
import type { Providers } from './client.js';
import { credentialsSchemaOf } from './connection.js';
import { operationsOf } from './offered-operations.js';
import { groupsOf, OPERATION_GROUPS } from './operation-group.js';
import type { ProviderState } from './provider-runtime.js';
import { PROVIDER_EXAMPLE } from './providers.example.js';
import { providerOf } from './site.js';

/** Below this share of good answers in five minutes a provider counts as degraded. */
const DEGRADED_BELOW_PERCENT = 95;

/** Platforms, and operations, of one provider. */
const MAX_NAMES = 100;

const rate = z.number().nullable();
/** Outages that a provider's state tells. */
export const MAX_SHOWN_INCIDENTS = 10;

const circuit = z.enum(['closed', 'open', 'half_open']);
const latencies = z.object({ p50: rate, p95: rate, p99: rate });

const providerSchema = z
  .object({
    id: z.string(),
    type: z.literal('provider'),
    name: z.string(),
    docs_url: z.string(),
    role: z.enum(ROLES).meta({
      description:
        'What it does for an account: publishes for the owner (`publisher`), measures the profile from outside (`measurement`), or engages in its name (`growth`). If several hold one profile, their values count in this order.',
    }),
    platforms: z.array(z.string()).max(MAX_NAMES),
    platform_user_ids: recordOf(z.string(), z.enum(ID_SCOPES), MAX_NAMES).meta({
      description:
        'By network, where its user ids identify the same profile: everywhere (`global`), only at this provider (`app`), at one server of the network (`instance`), or `unknown`.',
    }),
    operations: z.array(z.string()).max(MAX_NAMES),
    credentials: z
      .array(
        z.object({
          name: z.string(),
          secret: z.boolean(),
          required: z.boolean(),
          description: z.string().nullable(),
        }),
      )
      .max(MAX_CREDENTIALS)
      .meta({
        description:
          "What `POST /v1/connections` takes as `credentials`. Secrets are never shown; the others are public parameters, such as an organisation's id.",
      }),
    connect: z
      .object({
        flow: z.enum(['oauth', 'link', 'dashboard']),
        instructions: z.string(),
        url: z.string(),
      })
      .nullable(),
    disconnect: z.object({
      destroys_data: z.boolean().nullable(),
      revokes_token: z.boolean().nullable(),
      reversible: z.boolean().nullable(),
      ends: z.enum(['account', 'provider_group', 'connection']),
      how_to_reconnect: z.string(),
    }),
    state: z.object({
      status: z.enum(['operational', 'degraded', 'down']).meta({
        description:
          "As all of `state`: of the base URLs that the team's connections lead to, the worst of several. Without a connection, of the provider's own.",
      }),
      since: timestamp.nullable(),
      success_rate: z.object({ '5m': rate, '24h': rate }).meta({
        description:
          'Percentage of attempts answered as documented, refusals included, over all replicas.',
      }),
      latency_ms: z
        .object({ '5m': latencies, '24h': latencies })
        .meta({ description: 'Latency of attempts over all replicas, accurate to 10 %.' }),
      last_success_at: timestamp.nullable(),
      last_failure_at: timestamp.nullable(),
      last_error: z.string().nullable(),
      circuit: circuit.meta({
        description:
          'Of the replica that answers, like the last success, failure and error, and `since` while no incident is open.',
      }),
      circuits: z.partialRecord(z.enum(OPERATION_GROUPS), circuit).meta({
        description:
          'By group of operations: `inventory` (list, probe), `health` (a report of its own), `detail` (health of one account), `engagement` (pause, resume, activity, statistics), `connect`, `refresh` (of credentials that expire), and `write` (create, update, disconnect). `circuit` is the worse of the first two; the provider is `down` while that of `inventory` is open.',
      }),
      incident: z
        .object({ id: z.string(), opened_at: timestamp, error: z.string().nullable() })
        .nullable(),
      incidents: z
        .array(
          z.object({
            id: z.string(),
            opened_at: timestamp,
            closed_at: timestamp.nullable(),
            error: z.string().nullable(),
          }),
        )
        .max(MAX_SHOWN_INCIDENTS)
        .meta({
          description: `The last ${MAX_SHOWN_INCIDENTS} of the last 90 days, newest first, including an open one.`,
        }),
    }),
  })
  .meta({ id: 'Provider', examples: [PROVIDER_EXAMPLE] });

/** An outage, as all replicas know it. */
interface Incident {
  readonly id: string;
  readonly openedAt: Date;
  /** Null: it is under way. */
  readonly closedAt: Date | null;
  readonly error: string | null;
}

/** The outages under way and of late, by site, newest first. */
export type ReadIncidents = () => Promise<ReadonlyMap<string, readonly Incident[]>>;

/** Whence it is known how providers do. */
interface StateSources {
  readonly providers: Providers;
  /** How some sites did over a span. */
  readonly figures: (sites: readonly string[], span: Span) => CallFigures;
  readonly incidents: ReadIncidents;
  /** Where the connections of a team lead. */
  readonly sites: (teamId: string) => Promise<readonly string[]>;
}

/** What each provider is, can do, and how it does at the moment. */
export function providerEndpoints(sources: StateSources, cursors: Cursors) {
  const { providers } = sources;
  const seenBy = (caller: Caller) =>
    providers.adapters.all().filter((adapter) => maySeeProvider(caller, adapter.id));
  return {
    list: endpoint({
      summary: 'List the providers, their operations and their current state',
      query: z.strictObject(paging),
      answers: { 200: listOf(providerSchema) },
      handle: async (call) => {
        const answer = await answersFor(sources, call.caller.teamId);
        const seen = seenBy(call.caller);
        const rows: Rows<AnyAdapter> = {
          read: async (beyondId = '', take) =>
            seen.filter(({ id }) => id > beyondId).slice(0, take),
          count: async () => seen.length,
        };
        return answerPage(call, cursors, {}, listById(rows, answer));
      },
    }),
    get: endpoint({
      summary: 'Get a provider',
      params: z.object({ provider: z.string().meta({ description: 'Id of the provider.' }) }),
      answers: { 200: dataOf(providerSchema) },
      handle: async (call) => {
        const adapter = seenBy(call.caller).find(({ id }) => id === call.params.provider);
        if (!adapter) throw notFound(`Provider ${call.params.provider}`);
        return {
          status: 200,
          body: { data: (await answersFor(sources, call.caller.teamId))(adapter) },
        };
      },
    }),
  };
}

/** One word for how a provider does. @param lately its figures of the last five minutes */
export function conditionOf(
  { circuit, circuits }: ProviderState,
  lately: CallFigures,
): 'operational' | 'degraded' | 'down' {
  if (circuits.inventory === 'open') return 'down';
  const isDegraded =
    circuit !== 'closed' ||
    Object.values(circuits).includes('open') ||
    (lately.successRate !== null && lately.successRate < DEGRADED_BELOW_PERCENT);
  return isDegraded ? 'degraded' : 'operational';
}

/**
 * While an outage is under way: a replica whose own calls are answered again knows no more than
 * that.
 */
function conditionDuring({ circuits }: ProviderState): 'degraded' | 'down' {
  return (circuits.inventory ?? 'closed') === 'closed' ? 'degraded' : 'down';
}

/** What a team is told of a provider. */
async function answersFor({ providers, figures, incidents, sites }: StateSources, teamId: string) {
  const [recent, all] = await Promise.all([incidents(), sites(teamId)]);
  return (adapter: AnyAdapter) => {
    const own = all.filter((site) => providerOf(site) === adapter.id);
    const asked = own.length === 0 ? [adapter.id] : own;
    return toAnswer(adapter, {
      state: providers.state(asked),
      lately: figures(asked, '5m'),
      day: figures(asked, '24h'),
      recent: asked
        .flatMap((site) => recent.get(site) ?? [])
        .sort((one, other) => other.openedAt.getTime() - one.openedAt.getTime())
        .slice(0, MAX_SHOWN_INCIDENTS),
    });
  };
}

interface Standing {
  readonly state: ProviderState;
  readonly lately: CallFigures;
  readonly day: CallFigures;
  readonly recent: readonly Incident[];
}

function toAnswer(adapter: AnyAdapter, { state, lately, day, recent }: Standing) {
  const incident = recent.find(({ closedAt }) => closedAt === null);
  const { destroysData, revokesToken, reversible, ends, howToReconnect } = adapter.disconnectEffect;
  return {
    id: adapter.id,
    type: 'provider',
    name: adapter.name,
    docs_url: adapter.docs,
    role: adapter.role ?? DEFAULT_ROLE,
    platforms: adapter.platforms,
    platform_user_ids: Object.fromEntries(
      adapter.platforms.map((platform) => [platform, idScope(adapter, platform)]),
    ),
    operations: [
      ...(adapter.operations.create ? ['create'] : []),
      ...(adapter.operations.connectStart ? ['connect'] : []),
      ...operationsOf(adapter),
    ],
    credentials: credentialFields(credentialsSchemaOf(adapter)).map((field) => ({
      name: field.name,
      secret: field.isSecret,
      required: field.isRequired,
      description: field.description,
    })),
    connect: adapter.connect ?? null,
    disconnect: {
      destroys_data: destroysData,
      revokes_token: revokesToken,
      reversible,
      ends: ends ?? 'account',
      how_to_reconnect: howToReconnect,
    },
    state: {
      status: incident ? conditionDuring(state) : conditionOf(state, lately),
      since: incident?.openedAt ?? state.since,
      success_rate: { '5m': lately.successRate, '24h': day.successRate },
      latency_ms: { '5m': lately.latencyMs, '24h': day.latencyMs },
      last_success_at: state.lastSuccessAt,
      last_failure_at: state.lastFailureAt,
      last_error: state.lastError,
      circuit: state.circuit,
      circuits: Object.fromEntries(
        groupsOf(adapter).map((group) => [group, state.circuits[group] ?? 'closed']),
      ),
      incident: incident
        ? { id: incident.id, opened_at: incident.openedAt, error: incident.error }
        : null,
      incidents: recent.map(({ id, openedAt, closedAt, error }) => ({
        ...{ id, opened_at: openedAt, closed_at: closedAt, error },
      })),
    },
  };
}
