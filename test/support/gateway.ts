import { type EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import {
  PROVIDER_NAMES,
  type ProviderName,
  type Sandbox,
  startSandbox,
} from '../../sandbox/index.js';
import type { App, AppSettings } from '../../src/app.js';
import { type Database, type DatabaseConnection, openDatabase } from '../../src/database/index.js';
import { NESTED } from '../../src/database/shared-pool.js';
import type { RateLimit } from '../../src/http/caller.js';
import { createListener, type ListenerLimits } from '../../src/http/listener.js';
import type { LoadLimits } from '../../src/http/load.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import { type Logger, silentLogger } from '../../src/lib/logger.js';
import { type Tracing, UNTRACED } from '../../src/lib/tracing.js';
import { Undo } from '../../src/lib/undo.js';
import type { PolicySettings } from '../../src/providers/index.js';
import { WebhookAddresses } from '../../src/webhooks/webhook-address.js';
import { apiDocument, openApi } from './api-document.js';
import { createApp } from './app.js';
import { checkout } from './checkout.js';
import { type Client, clientOf } from './client.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { waitFor } from './wait.js';

/**
 * The real gateway over a real database and the sandbox providers, all in this process, talked to
 * over HTTP.
 */
export interface Gateway {
  readonly url: string;
  readonly app: App;
  readonly database: Database;
  /** How another process reaches the same database. */
  readonly connection: DatabaseConnection;
  /** The same as the owner of the tables, for what the gateway itself may not do. */
  readonly owner: DatabaseConnection;
  /** Runs statements as that owner. */
  asOwner(statements: string): Promise<void>;
  readonly sandbox: Sandbox;
  /** Holds the root key. */
  readonly root: Client;
  /** Calls with `key`, or with none. */
  with(key: string | undefined): Client;
  /** A team of its own and a key of it with these scopes. */
  newTeam(name: string, scopes?: readonly string[]): Promise<{ id: string; client: Client }>;
  /**
   * Connects a sandbox provider for root's team (or the one that root acts for) and waits until it
   * is swept.
   * @returns its id
   */
  connect(provider: ProviderName, team?: string): Promise<string>;
  /**
   * Sweeps a connection of root's team (or the one that root acts for) now and answers with the
   * finished sweep.
   */
  sweep(connectionId: string, team?: string): Promise<Record<string, unknown>>;
  /**
   * Resolves once feeds show all that is written by now. They wait for every older transaction, and
   * on the tests' server that means those of other tests' databases too.
   */
  settled(): Promise<void>;
  /** How many sockets its listener holds. */
  connections(): Promise<number>;
  /** Ends all background work, as a process that ends does; another may take the database. */
  halt(): Promise<void>;
  stop(): Promise<void>;
}

export interface GatewaySettings {
  readonly clock?: Clock;
  readonly accounts?: number;
  readonly policies?: Partial<PolicySettings>;
  readonly sweepIntervalSeconds?: number;
  /** Generous unless a test is about it. */
  readonly rateLimit?: RateLimit;
  /** Patient with the event loop unless a test is about it, as that is the tests' own too. */
  readonly load?: Partial<LoadLimits>;
  readonly listener?: Partial<ListenerLimits>;
  readonly pool?: Omit<Parameters<typeof openDatabase>[0], 'connection'>;
  readonly webhookAddresses?: WebhookAddresses;
  readonly disconnects?: AppSettings['disconnects'];
  readonly sweeps?: AppSettings['sweeps'];
  readonly agentLimits?: AppSettings['agentLimits'];
  readonly trustProxy?: boolean;
  readonly adapters?: AppSettings['adapters'];
  readonly logger?: Logger;
  readonly tracing?: Tracing;
  /** Migrated and empty; one on the tests' own server when left out. */
  readonly place?: TestDatabase;
}

/** Short waits, so that a provider's bad day is over within a test. */
export const BRISK: Partial<PolicySettings> = {
  breakerOpenMs: 50,
  breakerOpenMaxMs: 100,
  retryBaseMs: 1,
  retryMaxMs: 5,
  readDeadlineMs: 5_000,
  writeDeadlineMs: 5_000,
};

export const GENEROUS: RateLimit = { quota: 1_000_000, windowSeconds: 60 };

export const SECRET = Buffer.alloc(32, 7).toString('base64');

export async function startGateway(settings: GatewaySettings = {}): Promise<Gateway> {
  const undo = new Undo();
  const stop = () => undo.run();
  try {
    return { ...(await begin(settings, undo)), stop };
  } catch (error) {
    // What is left running would keep the test's process from its end.
    await stop();
    throw error;
  }
}

/** @param undo gets what ends each thing that is begun */
async function begin(settings: GatewaySettings, undo: Undo): Promise<Omit<Gateway, 'stop'>> {
  const {
    clock = systemClock,
    accounts = 0,
    policies = BRISK,
    sweepIntervalSeconds = 3600,
    rateLimit = GENEROUS,
    load = {},
    listener = {},
    pool = { poolSize: 12 },
    webhookAddresses = new WebhookAddresses(true),
    disconnects = {},
    sweeps = {},
    agentLimits = {},
    trustProxy = false,
    adapters,
    logger = silentLogger,
    tracing = UNTRACED,
    place,
  } = settings;
  const testDatabase = place ?? (await createTestDatabase());
  undo.push(() => testDatabase.drop());
  const database = openDatabase({ connection: testDatabase.gateway, ...pool });
  undo.push(() => database.close());
  (database.pool as EventEmitter).on(NESTED, (error: Error) => {
    throw error;
  });
  const sandbox = await startSandbox({ port: 0, accounts });
  undo.push(() => sandbox.close());
  const app = await createApp({
    database,
    clock,
    logger,
    tracing,
    secret: SECRET,
    sweepIntervalSeconds,
    openApi,
    trustProxy,
    policies,
    rateLimit,
    consoleFolder: join(checkout, 'dist', 'web'),
    load: { loopDelayMs: Number.POSITIVE_INFINITY, ...load },
    webhookAddresses,
    disconnects,
    ...(adapters && { adapters }),
    sweeps,
    agentLimits,
  });
  let halted: Promise<void> | undefined;
  const halt = () => {
    halted ??= app.stop();
    return halted;
  };
  undo.push(halt);
  const rootKey = await app.teams.prepare(undefined);
  const server = createListener(app.http, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await app.work();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const root = clientOf(url, rootKey, apiDocument);

  const actingFor = (team: string | undefined) => (team ? { 'Rollcall-Team': team } : {});
  const sweep = async (connectionId: string, team?: string) => {
    const path = `/v1/connections/${connectionId}/sweep`;
    const { body } = await root.post(path, {}, actingFor(team));
    const where = { id: body.data.id };
    const row = await waitFor(
      `the sweep of ${connectionId} to finish`,
      () => database.prisma.sweep.findUniqueOrThrow({ where }),
      { until: ({ state }) => state !== 'queued' && state !== 'running' },
    );
    return row as unknown as Record<string, unknown>;
  };
  return {
    url,
    app,
    database,
    connection: testDatabase.gateway,
    owner: testDatabase.connection,
    asOwner: async (statements) => {
      const client = new pg.Client(testDatabase.connection);
      await client.connect();
      await client.query(statements).finally(() => client.end());
    },
    sandbox,
    root,
    halt,
    with: (key) => clientOf(url, key, apiDocument),
    newTeam: async (name, scopes = ['admin']) => {
      const team = await root.post('/v1/teams', { name });
      const key = await root.post(
        '/v1/keys',
        { name, scopes },
        { 'Rollcall-Team': team.body.data.id },
      );
      return { id: team.body.data.id, client: clientOf(url, key.body.data.key, apiDocument) };
    },
    connect: async (provider, team) => {
      const request = {
        provider,
        credentials: { api_key: sandbox.apiKey(provider) },
        base_url: sandbox.baseUrl(provider),
      };
      const made = await root.post('/v1/connections', request, actingFor(team));
      const id = made.body.data.id;
      await waitFor(
        `the first sweep of ${provider} to finish`,
        () => database.prisma.sweep.findFirst({ where: { connectionId: id } }),
        { until: (row) => row?.finishedAt != null },
      );
      return id;
    },
    sweep,
    settled: async () => {
      const { rows } = await database.pool.query<{ last: string }>(
        'SELECT last_value AS last FROM feed_positions WHERE is_called',
      );
      const written = rows[0]?.last ?? '0';
      await waitFor('every event that is written to be shown', async () => {
        await app.recurringJobs.runNamed('events.publish');
        const newest = 'SELECT max(position) >= $1 AS settled FROM feed_histories';
        const answer = await database.pool.query<{ settled: boolean }>(newest, [written]);
        return answer.rows[0]?.settled;
      });
    },
    connections: () => promisify(server.getConnections.bind(server))(),
  };
}

export const ALL_PROVIDERS = PROVIDER_NAMES;
