import { randomUUID } from 'node:crypto';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, type GatewaySettings, startGateway } from '../support/gateway.js';
import { afterAll, afterEach, beforeAll, beforeEach } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import { idOf, type ProviderName } from './provider-formats.js';
import { type Answer, type ScriptedProvider, startScriptedProvider } from './scripted-provider.js';

type Body = ReturnType<typeof JSON.parse>;

/** A team of its own, connected to a provider of its own that a test scripts. */
export interface World {
  readonly provider: ScriptedProvider;
  /** Holds an admin key of the team. */
  readonly client: Client;
  readonly teamId: string;
  readonly connectionId: string;
  /** Sweeps now; the finished sweep as the API tells it. */
  sweep(): Promise<Body>;
  /** The account with the provider's id, with `remote_data`; `undefined`: not listed at all. */
  account(id: string): Promise<Body>;
  /** All accounts of the team, disconnected ones too. */
  accounts(): Promise<Body[]>;
  probe(id: string): Promise<Reply>;
  change(id: string, settings: Readonly<Record<string, unknown>>): Promise<Reply>;
  /** Disconnects and waits for the end, up to 10 s. */
  disconnect(id: string): Promise<Reply>;
  /** Asks for a disconnect without waiting. @returns its id */
  beginDisconnect(id: string): Promise<string>;
  /** The first step of a disconnect, as it is now. */
  step(disconnectId: string): Promise<Body>;
  /** The step once it has ended. */
  endedStep(disconnectId: string): Promise<Body>;
  /** The step once it was tried so often and goes on trying. */
  triedStep(disconnectId: string, attempts: number): Promise<Body>;
  receipt(disconnectId: string): Promise<Body>;
  /** Events of the team so far, oldest first: of the given types, such as `account.vanished`. */
  events(...types: string[]): Promise<Body[]>;
}

/** Reports of a disconnect's attempts follow each other at once. */
const BRISK_DISCONNECTS = { firstDelayMs: 10, longestDelayMs: 40, pollMs: 50 };

/** What a world begins with. */
interface WorldSettings {
  /** Of the connection. */
  readonly apiKey?: string;
  /** What the provider answers to single calls from the start. */
  readonly script?: Readonly<Record<string, Answer>>;
  /** The most that a page holds. */
  readonly pageSize?: number;
  /** The worlds' own gateway when left out. */
  readonly gateway?: Gateway;
}

/** The worlds of a test file: one gateway for all of them. */
interface Worlds {
  readonly gateway: () => Gateway;
  /** @param accounts the ids that the provider holds from the start, as documented */
  readonly open: (
    name: ProviderName,
    accounts?: readonly string[],
    settings?: WorldSettings,
  ) => Promise<World>;
}

/**
 * Starts a gateway before the tests of a file, or before each of them, and closes each test's
 * providers behind it.
 */
export function useWorlds(
  settings: GatewaySettings = {},
  { per = 'file' }: { readonly per?: 'file' | 'test' } = {},
): Worlds {
  const opened: ScriptedProvider[] = [];
  let own: Gateway;
  const [before, after] = per === 'file' ? [beforeAll, afterAll] : [beforeEach, afterEach];
  before(async () => {
    const { disconnects, ...rest } = settings;
    own = await startGateway({ ...rest, disconnects: { ...BRISK_DISCONNECTS, ...disconnects } });
  });
  after(() => own.stop());
  afterEach(async () => {
    for (const provider of opened.splice(0)) await provider.close();
  });
  return {
    gateway: () => own,
    open: async (name, accounts = [], { gateway = own, script = {}, pageSize, apiKey } = {}) => {
      const provider = await startScriptedProvider(name, pageSize);
      opened.push(provider);
      for (const id of accounts) provider.put(id);
      for (const [call, answer] of Object.entries(script)) provider.when(call, answer);
      return connectWorld(gateway, provider, apiKey);
    },
  };
}

/**
 * What becomes of many accounts in one sweep: each as documented but for its part.
 * @returns the accounts in the order of their parts
 */
export async function showAll(
  worlds: Worlds,
  name: ProviderName,
  parts: readonly object[],
): Promise<{ readonly world: World; readonly sweep: Body; readonly accounts: readonly Body[] }> {
  const world = await worlds.open(name);
  for (const [number, part] of parts.entries()) world.provider.put(idOf(name, number), { ...part });
  const sweep = await world.sweep();
  const shown = new Map(
    (await world.accounts()).map((account) => [account.provider_account_id, account]),
  );
  return { world, sweep, accounts: parts.map((_part, number) => shown.get(idOf(name, number))) };
}

async function connectWorld(
  gateway: Gateway,
  provider: ScriptedProvider,
  apiKey = 'oct_live_0123456789abcdef',
): Promise<World> {
  const { name } = provider;
  const { id: teamId, client } = await gateway.newTeam(randomUUID());
  const connected = await gateway.root.post(
    '/v1/connections',
    { provider: name, credentials: { api_key: apiKey }, base_url: provider.baseUrl, verify: false },
    { 'Rollcall-Team': teamId },
  );
  const connectionId = connected.body.data.id;
  const reference = (id: string) => encodeURIComponent(`${name}:${id}`);
  const step = async (disconnectId: string) =>
    (await client.get(`/v1/disconnects/${disconnectId}`)).body.data.steps[0];

  const finishedSweep = (id?: string) =>
    waitFor('a sweep to end', async () => {
      const { body } = await client.get(`/v1/connections/${connectionId}/sweeps?limit=10`);
      const found = body.data.find((sweep: Body) => id === undefined || sweep.id === id);
      return found?.finished_at ? found : undefined;
    });
  await finishedSweep();

  const world: World = {
    provider,
    client,
    teamId,
    connectionId,
    sweep: async () => {
      const { body } = await client.post(`/v1/connections/${connectionId}/sweep`);
      return finishedSweep(body.data.id);
    },
    account: async (id) => {
      const reply = await client.get(`/v1/accounts/${reference(id)}?include=remote_data`);
      return reply.status === 404 ? undefined : reply.body.data;
    },
    accounts: async () => {
      const statuses =
        'setup,active,paused,suspended,reconnect_required,unavailable,disconnecting,disconnected';
      return (await client.get(`/v1/accounts?limit=200&status=${statuses}`)).body.data;
    },
    probe: (id) => client.post(`/v1/accounts/${reference(id)}/probe`),
    change: (id, settings) => client.patch(`/v1/accounts/${reference(id)}`, { settings }),
    disconnect: (id) => client.delete(`/v1/accounts/${reference(id)}`),
    beginDisconnect: async (id) => {
      const { body } = await client.delete(`/v1/accounts/${reference(id)}`, {
        Prefer: 'respond-async',
      });
      return body.data.id;
    },
    step,
    endedStep: (id) =>
      waitFor('a step to end', async () => {
        const now = await step(id);
        return ['succeeded', 'failed', 'cancelled'].includes(now.state) && now;
      }),
    triedStep: (id, attempts) =>
      waitFor(`a step to be tried ${attempts} times`, async () => {
        const now = await step(id);
        return (now.attempts >= attempts || now.state === 'succeeded') && now;
      }),
    receipt: async (id) => {
      // The last step ends a moment before its disconnect does.
      const answer = () => client.get(`/v1/disconnects/${id}/receipt`);
      const { body } = await waitFor(`the receipt of ${id}`, answer, {
        until: ({ status }) => status === 200,
      });
      return body.data.receipt;
    },
    events: async (...types) => {
      await gateway.settled();
      const type = types.length === 0 ? '' : `&type=${types.join(',')}`;
      return (await client.get(`/v1/events?limit=200${type}`)).body.data;
    },
  };
  return world;
}

/** What tells that an account is gone, or that it went. */
export const LOSSES = ['account.vanished', 'account.disconnected'];
