import { z } from 'zod';
import type { components } from '../../client/index.js';
import { defineTool, NOT_AUDITED, READS, type Tool } from '../define-tool.js';
import {
  count,
  page,
  pagedBy,
  pageOf,
  paging,
  shown,
  text,
  time,
  total,
  totalOf,
  untrusted,
} from '../shapes.js';
import { plain, plainOrNull } from '../untrusted.js';
import { required } from './accounts.js';

const flag = z.boolean().nullable();

const providers = defineTool({
  name: 'providers_status',
  title: 'Show providers',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary: 'Shows the providers, whether they work now, and the connections to them.',
  useWhen: [
    'find out whether a provider or a key causes a problem of many accounts',
    'see what a disconnect does at a provider',
    'find the id of a connection',
  ],
  examples: ['{}'],
  input: z.strictObject({}),
  output: z.object({
    providers: z.array(
      z.object({
        id: text,
        name: text,
        platforms: z.array(text),
        operations: z.array(text),
        status: z.enum(['operational', 'degraded', 'down']),
        since: time.nullable(),
        success_rate_5m: z.number().nullable(),
        success_rate_24h: z.number().nullable(),
        incident_since: time.nullable(),
        disconnect: z.object({
          destroys_data: flag,
          revokes_token: flag,
          reversible: flag,
          how_to_reconnect: text,
        }),
        untrusted: untrusted({ last_error: text.nullable() }),
      }),
    ),
    connections: z.array(
      z.object({
        id: text,
        provider: text,
        state: text,
        paused: z.boolean(),
        swept_at: time.nullable(),
        error_code: text.nullable(),
        untrusted: untrusted({ name: text, error: text.nullable() }),
      }),
    ),
    has_more_connections: z.boolean(),
  }),
  handle: async (_nothing, { api }) => {
    const query = { limit: 200 };
    const [{ data: held }, { data: connected }] = await Promise.all([
      api.GET('/v1/providers', { params: { query } }),
      api.GET('/v1/connections', { params: { query } }),
    ]);
    const { data: all } = required(held);
    const { data: connections, pagination } = required(connected);
    const troubled = all.filter(({ state }) => state.status !== 'operational').length;
    return {
      says: `${all.length} providers, ${troubled} of them with problems now; ${connections.length} connections.`,
      next: '`sweeps_list` with a connection, or `accounts_find` with a provider.',
      data: {
        providers: all.map(providerOf),
        connections: connections.map((connection) => ({
          id: connection.id,
          provider: connection.provider,
          state: connection.state,
          paused: connection.paused,
          swept_at: connection.swept_at,
          error_code: connection.last_error?.code ?? null,
          untrusted: {
            name: plain(connection.name),
            error: plainOrNull(connection.last_error?.message),
          },
        })),
        has_more_connections: pagination.has_next,
      },
    };
  },
});

function providerOf({ state, disconnect, ...provider }: components['schemas']['Provider']) {
  const { destroys_data, revokes_token, reversible, how_to_reconnect } = disconnect;
  return {
    id: provider.id,
    name: provider.name,
    platforms: provider.platforms,
    operations: provider.operations,
    status: state.status,
    since: state.since,
    success_rate_5m: state.success_rate['5m'],
    success_rate_24h: state.success_rate['24h'],
    incident_since: state.incident?.opened_at ?? null,
    disconnect: { destroys_data, revokes_token, reversible, how_to_reconnect },
    untrusted: { last_error: plainOrNull(state.last_error) },
  };
}

const sweepShape = z.object({
  id: text,
  connection_id: text,
  state: text,
  seen: count,
  added: count,
  changed: count,
  vanished: count,
  unchanged: count,
  quarantined: count,
  created_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  error_code: text.nullable(),
  untrusted: untrusted({ error: text.nullable() }),
});
function sweepOf(sweep: components['schemas']['Sweep']): z.input<typeof sweepShape> {
  const { id, connection_id, state, seen, added, changed, vanished, unchanged } = sweep;
  const { quarantined, created_at, started_at, finished_at, error } = sweep;
  return {
    ...{ id, connection_id, state, seen, added, changed, vanished, unchanged, quarantined },
    ...{ created_at, started_at, finished_at },
    error_code: error?.code ?? null,
    untrusted: { error: plainOrNull(error?.message) },
  };
}

const connectionId = z.string().min(1).max(200).describe('As `providers_status` shows it.');

const sweeps = defineTool({
  name: 'sweeps_list',
  title: 'List sweeps',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary:
    'Lists the sweeps of a connection, newest first: when all its accounts were read from the provider.',
  useWhen: ['see whether accounts are checked, and what the last sweeps found or failed at'],
  examples: ['{"connection_id": "conn_01k9z3m8q4v7x2c5n6b8a1s3d4"}'],
  input: z.strictObject({ connection_id: connectionId, ...paging }),
  output: z.object({ sweeps: z.array(sweepShape), ...page, ...total }),
  handle: async ({ connection_id: id, limit, cursor }, { api }) => {
    const params = { path: { id }, query: pagedBy({ limit, cursor }) };
    const { data: answer } = await api.GET('/v1/connections/{id}/sweeps', { params });
    const { data, pagination } = required(answer);
    return {
      says: shown(data.length, 'sweep', pagination),
      data: { sweeps: data.map(sweepOf), ...pageOf(pagination), ...totalOf(pagination) },
    };
  },
});

const sweep = defineTool({
  name: 'connection_sweep',
  title: 'Sweep a connection now',
  requiredScope: 'write',
  audit: { actions: ['sweep.requested'] },
  hints: { readOnly: false, destructive: false, idempotent: true, openWorld: true },
  summary: 'Reads all accounts of a connection from the provider now, in the background.',
  useWhen: ['bring all accounts of a connection up to date', 'check a connection after a repair'],
  examples: ['{"connection_id": "conn_01k9z3m8q4v7x2c5n6b8a1s3d4"}'],
  notes: ['Rarely needed: connections are swept automatically every few minutes.'],
  input: z.strictObject({ connection_id: connectionId }),
  output: z.object({ sweep: sweepShape }),
  handle: async ({ connection_id: id }, { api }) => {
    const { data: answer } = await api.POST('/v1/connections/{id}/sweep', {
      params: { path: { id } },
      body: {},
    });
    return {
      says: 'The sweep was requested; it runs in the background.',
      next: '`sweeps_list` with the same connection shows its progress.',
      data: { sweep: sweepOf(required(answer).data) },
    };
  },
});

export const connectionTools: readonly Tool[] = [providers, sweeps, sweep];
