import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';
import { connectAgent } from './agent.js';
import { carriesOut, type World, worldOf } from './dialogue.js';
import { DIALOGUES } from './hostile-dialogues.js';

const clock = shiftedClock();
let gateway: Gateway;
let owner: Client;
let world: World;
beforeAll(async () => {
  gateway = await startGateway({
    clock,
    accounts: 40,
    agentLimits: { planAccounts: 4, hourAccounts: 6 },
  });
  const [team, other] = [await gateway.newTeam('owner'), await gateway.newTeam('stranger')];
  owner = team.client;
  await gateway.connect('outfame', team.id);
  await gateway.connect('octopost', team.id);
  await gateway.connect('octopost', other.id);
  const idsOf = async (client: Client, provider: string) => {
    const query = `provider=${provider}&status=active&limit=12`;
    const { data } = (await client.get(`/v1/accounts?${query}`)).body;
    return data.map(({ id }: { id: string }) => id) as string[];
  };
  const [foreign = ''] = await idsOf(other.client, 'octopost');
  world = worldOf({
    gateway,
    owner,
    accounts: await idsOf(owner, 'outfame'),
    foreign,
    strangerKey: other.client.key ?? '',
    advance: (ms) => clock.advance(ms),
  });
});
afterAll(() => gateway.stop());

/** How often providers were asked to delete anything, as they have counted it themselves. */
const deletes = () =>
  (['outfame', 'octopost'] as const)
    .flatMap((name) => Object.values(gateway.sandbox.provider(name).counts().deletes))
    .reduce((sum, { calls }) => sum + calls, 0);
const statesOf = async () => {
  const { data } = (await owner.get('/v1/disconnects?limit=200')).body;
  return new Set(data.map(({ state }: { state: string }) => state));
};

describe('hostile dialogues', () => {
  afterEach(async () => {
    await gateway.app.recurringJobs.runNamed('disconnects.start_due');
    expect(deletes()).toBe(0);
    const states = await statesOf();
    states.delete('awaiting_approval');
    expect([...states]).toEqual([]);
  });

  test('are thirty and more', () => {
    expect(Object.keys(DIALOGUES).length).toBeGreaterThanOrEqual(30);
  });

  test.each(Object.keys(DIALOGUES))('%s: nobody is disconnected', async (name) => {
    await DIALOGUES[name]?.(world);
  });
});

const ends = (id: string) =>
  waitFor(`disconnect ${id} to end`, async () => (await owner.get(`/v1/disconnects/${id}`)).body, {
    until: ({ data }) => data.finished_at !== null,
  });

test('what an agent asked for happens once a person approves it', async () => {
  const before = deletes();
  const [account = ''] = world.accounts;
  const reply = await world.talk({ name: 'desk assistant' }, async (agent) => {
    const planned = await agent.call('disconnect_plan', { accounts: [account] });
    expect(planned.data).toMatchObject({
      count: 1,
      totals: { total: 1, also_ends: 0 },
      accounts: [{ account_id: account }],
    });
    return agent.call('disconnect_execute', carriesOut(planned));
  });
  const { id } = reply.data.disconnect;
  const waiting = (await owner.get(`/v1/disconnects/${id}`)).body.data;
  expect(waiting).toMatchObject({
    state: 'awaiting_approval',
    approval: { reason: 'agent', approved_by: null },
    summary: { pending: 1 },
  });
  expect((await owner.get(`/v1/accounts/${account}`)).body.data.status).toBe('active');
  await owner.post(`/v1/disconnects/${id}/approve`);
  expect((await ends(id)).data).toMatchObject({
    state: 'succeeded',
    approval: { reason: 'agent', approved_by: { name: 'owner' } },
  });
  expect(deletes()).toBe(before + 1);
  const { data } = (await owner.get(`/v1/audit?target_id=${id}`)).body;
  expect(data.map(({ action }: { action: string }) => action)).toEqual([
    'disconnect.finished',
    'disconnect.approved',
    'disconnect.awaiting_approval',
    'disconnect.requested',
  ]);
  expect(data.at(-1).after.agent).toEqual({ client: 'desk assistant 1.0', confirmed: false });
});

test('what waits can be cancelled, and nothing has happened', async () => {
  const before = deletes();
  const reply = await world.talk({}, async (agent) =>
    agent.call(
      'disconnect_execute',
      carriesOut(await agent.call('disconnect_plan', { accounts: world.accounts.slice(1, 3) })),
    ),
  );
  const { id } = reply.data.disconnect;
  const cancelled = await owner.post(`/v1/disconnects/${id}/cancel`);
  expect(cancelled.body.data).toMatchObject({ state: 'cancelled', summary: { cancelled: 2 } });
  expect(deletes()).toBe(before);
});

test('a person who is asked types the number of accounts', async () => {
  const before = deletes();
  const messages: string[] = [];
  const { key } = await world.key();
  const agent = await connectAgent(gateway.url, key, {
    person: (message) => {
      messages.push(message);
      return { action: 'accept', content: { count: 2 } };
    },
  });
  const planned = await agent.call('disconnect_plan', {
    accounts: world.accounts.slice(3, 5),
    reason_code: 'offboarding',
  });
  const reply = await agent.call('disconnect_execute', carriesOut(planned));
  expect(reply).toMatchObject({
    isError: false,
    data: { awaiting_approval: false, disconnect: { reason_code: 'offboarding' } },
  });
  expect(messages).toEqual([
    expect.stringMatching(
      /^Disconnect 2 accounts\? outfame: 2, destroys data.*\nAccounts: ".+" \(outfame:.+\n/,
    ),
  ]);
  const { id } = reply.data.disconnect;
  expect((await ends(id)).data.state).toBe('succeeded');
  expect(deletes()).toBe(before + 2);
  const followed = await agent.call('disconnect_get', { disconnect_id: id });
  expect(followed.data.disconnect.steps).toMatchObject([
    { state: 'succeeded', verified: 'absent' },
    { state: 'succeeded', verified: 'absent' },
  ]);
  expect((await agent.call('disconnects_list', { state: ['succeeded'] })).isError).toBe(false);
  await agent.close();
  const [entry] = (await owner.get(`/v1/audit?target_id=${id}&action=disconnect.requested`)).body
    .data;
  expect(entry.after.agent).toEqual({ client: 'test agent 1.0', confirmed: true });
});
