import { type ProviderName, type Sandbox, startSandbox } from '../../sandbox/index.js';
import type { Client } from '../support/client.js';
import { ALL_PROVIDERS, BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { passTime } from '../support/pass-time.js';

/*
 * Two teams hold accounts at the same providers through different base URLs, such as installations
 * of their own: what fails at one is no news of the other.
 */

const clock = shiftedClock();
let gateway: Gateway;
let elsewhere: Sandbox;
let other: { id: string; client: Client };
let stranger: Client;
const connections = new Map<ProviderName, string>();

beforeAll(async () => {
  // A circuit that opens stays open for as long as the tests look at it.
  const policies = {
    ...BRISK,
    breakerConsecutive: 3,
    breakerOpenMs: 600_000,
    breakerOpenMaxMs: 600_000,
  };
  gateway = await startGateway({ policies, clock });
  elsewhere = await startSandbox({ port: 0, accounts: 0 });
  other = await gateway.newTeam('of another installation');
  stranger = (await gateway.newTeam('without connections')).client;
  const connectElsewhere = async (provider: ProviderName) => {
    const request = { provider, ...accessTo(elsewhere, provider) };
    const made = await gateway.root.post('/v1/connections', request, actingForOther());
    connections.set(provider, made.body.data.id);
    await gateway.sweep(made.body.data.id, other.id);
  };
  for (const provider of ALL_PROVIDERS) {
    await gateway.connect(provider);
    await connectElsewhere(provider);
  }
  for (const provider of ALL_PROVIDERS) elsewhere.provider(provider).faults.add({ kind: 'down' });
  await Promise.all(
    [...connections.values()].map(async (id) => {
      for (let turn = 0; turn < 2; turn++) await gateway.sweep(id, other.id);
    }),
  );
  await gateway.app.recurringJobs.runAll();
});
afterAll(async () => {
  await gateway.stop();
  await elsewhere.close();
});

const actingForOther = () => ({ 'Rollcall-Team': other.id });
const accessTo = (sandbox: Sandbox, provider: ProviderName) => ({
  credentials: { api_key: sandbox.apiKey(provider) },
  base_url: sandbox.baseUrl(provider),
});

/** The states of all connected providers, as a team is shown them in the list. */
async function statesFor(client: Client): Promise<[string, Record<string, unknown>][]> {
  const { body } = await client.get('/v1/providers');
  const shown = body.data as { id: string; state: Record<string, unknown> }[];
  return shown
    .filter(({ id }) => (ALL_PROVIDERS as readonly string[]).includes(id))
    .map(({ id, state }) => [id, state]);
}
async function incidentEventsOf(client: Client): Promise<string[]> {
  await gateway.settled();
  const { body } = await client.get('/v1/events?type=provider.*&limit=200');
  return body.data.map(({ type, data }: { type: string; data: { provider: string } }) =>
    [type.replace('provider.incident_', ''), data.provider].join(' '),
  );
}
const each = (word: string) => ALL_PROVIDERS.map((provider) => `${word} ${provider}`).sort();

test('a dead base URL shows the provider as down to the team that uses it, and to no other', async () => {
  for (const [provider, state] of await statesFor(other.client)) {
    expect([provider, state]).toMatchObject([
      provider,
      { status: 'down', circuit: 'open', incident: { error: expect.any(String) } },
    ]);
    expect((await other.client.get(`/v1/providers/${provider}`)).body.data.state).toEqual(state);
  }
  for (const [provider, state] of await statesFor(gateway.root)) {
    expect([provider, state]).toMatchObject([
      provider,
      {
        status: 'operational',
        circuit: 'closed',
        success_rate: { '5m': 100, '24h': 100 },
        last_success_at: expect.any(String),
        last_failure_at: null,
        last_error: null,
        incident: null,
        incidents: [],
      },
    ]);
    expect((await gateway.root.get(`/v1/providers/${provider}`)).body.data.state).toEqual(state);
  }
  for (const [provider, state] of await statesFor(stranger))
    expect([provider, state]).toMatchObject([
      provider,
      { status: 'operational', success_rate: { '5m': null }, last_success_at: null, incidents: [] },
    ]);
  expect((await incidentEventsOf(other.client)).sort()).toEqual(each('opened'));
  expect(await incidentEventsOf(gateway.root)).toEqual([]);
});

test('the health of the gateway tells at how many of its base URLs a provider is down', async () => {
  const { status, checks } = (await gateway.with(undefined).get('/health')).body;
  expect(status).toBe('warn');
  for (const provider of ALL_PROVIDERS)
    expect([provider, checks[`provider:${provider}`]]).toEqual([
      provider,
      [{ status: 'warn', output: 'down at 1 of 2 base URLs' }],
    ]);
});

test('what failed at a base URL that nobody uses any more is over, and the team is told', async () => {
  for (const [provider, id] of connections) {
    const change = accessTo(gateway.sandbox, provider);
    const moved = await gateway.root.patch(`/v1/connections/${id}`, change, actingForOther());
    expect([provider, moved.status]).toEqual([provider, 200]);
  }
  await gateway.app.recurringJobs.runAll();
  await passTime(clock, gateway.app, 2 * 60_000);
  await gateway.app.recurringJobs.runAll();
  expect((await incidentEventsOf(other.client)).sort()).toEqual([
    ...each('closed'),
    ...each('opened'),
  ]);
  expect(await incidentEventsOf(gateway.root)).toEqual([]);
  for (const [provider, state] of await statesFor(other.client))
    expect([provider, state]).toMatchObject([
      provider,
      { status: 'operational', circuit: 'closed', incidents: [] },
    ]);
  const { checks } = (await gateway.with(undefined).get('/health')).body;
  const { text } = await gateway.with(undefined).get('/metrics');
  for (const provider of ALL_PROVIDERS) {
    expect(checks[`provider:${provider}`]).toEqual([{ status: 'pass' }]);
    expect(text).toContain(`rollcall_provider_open_circuits{provider="${provider}"} 0`);
  }
});
