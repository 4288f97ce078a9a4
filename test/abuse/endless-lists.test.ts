import { systemClock } from '../../src/lib/clock.js';
import { type EndlessProvider, startEndlessProvider } from '../support/endless-provider.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** The attacker's lists have no end that a test would see; its victim has two connections. */
let gateway: Gateway;
let endless: EndlessProvider;
let attacker: Awaited<ReturnType<Gateway['newTeam']>>;
let victim: Awaited<ReturnType<Gateway['newTeam']>>;
let victims: readonly string[];
const made: string[] = [];

beforeAll(async () => {
  [gateway, endless] = await Promise.all([startGateway(), startEndlessProvider({ latencyMs: 50 })]);
  attacker = await gateway.newTeam('attacker');
  victim = await gateway.newTeam('victim');
  victims = [
    await gateway.connect('outfame', victim.id),
    await gateway.connect('octopost', victim.id),
  ];
});
afterEach(async () => {
  for (const id of made.splice(0)) await attacker.client.delete(`/v1/connections/${id}`);
});
afterAll(async () => {
  await gateway.stop();
  endless.stop();
});

let keys = 0;
async function connectEndless(): Promise<{ readonly id: string; readonly key: string }> {
  keys += 1;
  const key = `endless_${keys}`;
  const { body } = await gateway.root.post(
    '/v1/connections',
    {
      provider: 'outfame',
      name: key,
      credentials: { api_key: key },
      base_url: endless.url,
      verify: false,
    },
    { 'Rollcall-Team': attacker.id },
  );
  made.push(body.data.id);
  return { id: body.data.id, key };
}

const running = async (connectionId: string) =>
  (await gateway.database.prisma.sweep.count({ where: { connectionId, state: 'running' } })) > 0;

async function attack(connections: number) {
  const attacking = await Promise.all(Array.from({ length: connections }, connectEndless));
  await waitFor('the endless sweeps to run', async () => {
    const walks = await Promise.all(attacking.slice(0, 3).map(({ id }) => running(id)));
    return walks.every(Boolean);
  });
  return attacking;
}

describe('connections to a provider that pages without end', () => {
  test.each([
    ['three', 3],
    ['twenty', 20],
  ])('%s of them keep no sweep of another team waiting', async (_how, connections) => {
    const attacking = await attack(connections);
    for (const id of victims)
      expect(await gateway.sweep(id, victim.id)).toMatchObject({ state: 'succeeded', error: null });
    // The attack still goes on.
    const walks = await Promise.all(attacking.slice(0, 3).map(({ id }) => running(id)));
    expect(walks).toEqual([true, true, true]);
    const unknown = await victim.client.get(
      '/v1/accounts/health?include_total=true&reason=provider_unreachable,not_checked',
    );
    expect(unknown.body.pagination.total_count).toBe(0);
  });

  test('three of them keep no other sweep of their own team waiting', async () => {
    await attack(3);
    const others = [
      await gateway.connect('outfame', attacker.id),
      await gateway.connect('octopost', attacker.id),
    ];
    made.push(...others);
    for (const id of others)
      expect(await gateway.sweep(id, attacker.id)).toMatchObject({ state: 'succeeded' });
  });

  test('once forgotten they are asked nothing any more', async () => {
    const attacking = await attack(3);
    for (const { id } of attacking)
      expect((await attacker.client.delete(`/v1/connections/${id}`)).status).toBe(204);
    const counts = () => attacking.map(({ key }) => endless.askedWith(key).length);
    const then = counts();
    // Time enough for many pages.
    for (const id of [...victims, ...victims]) await gateway.sweep(id, victim.id);
    expect(counts()).toEqual(then);
  });

  test('once forgotten by another process they are asked nothing any more, too', async () => {
    const [{ id, key } = { id: '', key: '' }] = await attack(1);
    await gateway.database.prisma.connection.delete({ where: { id } });
    await waitFor('the walk to end', async () => {
      const before = endless.askedWith(key).length;
      await systemClock.sleep(10 * endless.settings.latencyMs);
      return endless.askedWith(key).length === before;
    });
  });

  test('a key that is replaced is used no more, and the sweep begins anew with the other', async () => {
    const [{ id, key } = { id: '', key: '' }] = await attack(1);
    const change = { credentials: { api_key: 'endless_new' }, verify: false };
    expect((await attacker.client.patch(`/v1/connections/${id}`, change)).status).toBe(200);
    const then = endless.askedWith(key).length;
    await waitFor('the new key to be used', () => endless.askedWith('endless_new').length > 3);
    expect(endless.askedWith(key).length).toBe(then);
  });

  test('a request that asks with a key that is forgotten meanwhile ends at once', async () => {
    endless.settings.pages = 1;
    const { id, key } = await connectEndless();
    await gateway.sweep(id, attacker.id);
    endless.settings.latencyMs = 3_600_000;
    const probe = attacker.client.post(`/v1/accounts/acc_page0/probe`);
    const asked = endless.askedWith(key).length;
    await waitFor('the probe to be on its way', () => endless.askedWith(key).length > asked);
    await gateway.database.prisma.connection.delete({ where: { id } });
    await gateway.app.recurringJobs.runNamed('connections.abort_calls');
    expect(await probe).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(endless.askedWith(key).length).toBe(asked + 1);
  });
});
