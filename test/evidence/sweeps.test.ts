import { describe, expect, test } from '../support/jest.js';
import { LOSSES, useWorlds, type World } from './world.js';

const worlds = useWorlds();

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, number) => `${prefix}_${String(number).padStart(3, '0')}`);
const statusesOf = async (world: World) => (await world.accounts()).map(({ status }) => status);

describe('a changed key that shows other accounts', () => {
  const HELD = ['acc_a', 'acc_b'];
  const OTHERS = ['acc_x', 'acc_y', 'acc_z'];

  async function openHeld(): Promise<{ world: World; sweep: { id: string } }> {
    const world = await worlds.open('octopost', HELD);
    world.provider.held.clear();
    for (const id of OTHERS) world.provider.put(id);
    await world.client.patch(`/v1/connections/${world.connectionId}`, {
      credentials: { api_key: 'oct_live_fedcba9876543210' },
      verify: false,
    });
    return { world, sweep: await world.sweep() };
  }
  const confirm = (world: World, sweepId: string) =>
    world.client.post(`/v1/connections/${world.connectionId}/sweep`, { confirm: sweepId });

  test('is held, and says whose accounts they are and what to do', async () => {
    const { world, sweep } = await openHeld();
    expect(sweep).toMatchObject({
      state: 'held',
      seen: 3,
      added: 0,
      unchanged: 3,
      error: { code: 'unknown_accounts', message: expect.stringContaining(sweep.id) },
    });
    const { body } = await world.client.get(`/v1/connections/${world.connectionId}`);
    expect(body.data).toMatchObject({ state: 'active', last_error: { code: 'unknown_accounts' } });
    expect(await statusesOf(world)).toEqual(['active', 'active']);
  });

  test('proves no absence of any one account', async () => {
    const { world } = await openHeld();
    expect(await world.probe('acc_a')).toMatchObject({
      status: 409,
      body: { code: 'conflict', fault: 'connection' },
    });
    const disconnect = await world.beginDisconnect('acc_b');
    const step = await world.triedStep(disconnect, 2);
    expect(step).toMatchObject({ outcome: null, last_error: { code: 'absence_unproven' } });
    expect(await world.events(...LOSSES)).toEqual([]);
    for (const id of HELD) world.provider.put(id);
    await world.sweep();
    expect(await world.endedStep(disconnect)).toMatchObject({ outcome: 'disconnected' });
    expect((await world.probe('acc_a')).status).toBe(200);
  });

  test('replaces them once that very sweep is confirmed', async () => {
    const { world, sweep } = await openHeld();
    expect((await confirm(world, 'swp_another')).status).toBe(409);
    expect(await statusesOf(world)).toEqual(['active', 'active']);
    expect((await confirm(world, sweep.id)).status).toBe(202);
    const confirmed = await world.sweep();
    expect(confirmed.state).toBe('succeeded');
    expect((await statusesOf(world)).sort()).toEqual(
      [...HELD.map(() => 'disconnected'), ...OTHERS.map(() => 'active')].sort(),
    );
    expect((await confirm(world, sweep.id)).status).toBe(409);
    const { body } = await world.client.get('/v1/audit?action=sweep.confirmed');
    expect(body.data).toMatchObject([{ target: { type: 'sweep', id: sweep.id } }]);
  });

  test('is no change when the key is the same, nor when nothing was held', async () => {
    const world = await worlds.open('octopost', HELD, { apiKey: 'oct_live_same000000000000' });
    await world.client.patch(`/v1/connections/${world.connectionId}`, {
      credentials: { api_key: 'oct_live_same000000000000' },
      verify: false,
    });
    world.provider.held.clear();
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', vanished: 2 });
    await world.client.patch(`/v1/connections/${world.connectionId}`, {
      credentials: { api_key: 'oct_live_other0000000000' },
      verify: false,
    });
    world.provider.put('acc_x');
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 1, error: null });
  });
});

describe('accounts that a list lacks', () => {
  test('are asked for up to a share of the provider’s minute; the others keep their age', async () => {
    const ids = numbered('acc', 150);
    const world = await worlds.open('octopost', ids);
    const before = (await world.accounts())[0].last_seen_at;
    for (const id of ids.slice(0, 70)) world.provider.held.delete(id);
    world.provider.requests.length = 0;
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 80, vanished: 60 });
    expect(world.provider.requests).toHaveLength(61);
    const { body } = await world.client.get('/v1/accounts?status=active&include_total=true');
    expect(body.pagination.total_count).toBe(90);
    const ages = (await world.accounts()).filter(({ last_seen_at }) => last_seen_at === before);
    expect(ages.filter(({ status }) => status === 'active')).toHaveLength(10);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 80, vanished: 10 });
  });

  test('are held until a second sweep when they are most of those before, however many are new', async () => {
    const ids = numbered('acc', 14);
    const world = await worlds.open('octopost', ids);
    for (const id of ids.slice(0, 8)) world.provider.held.delete(id);
    for (const id of numbered('new', 30)) world.provider.put(id);
    const counts = { seen: 36, added: 30, vanished: 0 };
    expect(await world.sweep()).toMatchObject({ state: 'held', ...counts });
    expect(await world.events(...LOSSES)).toEqual([]);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 36, vanished: 8 });
  });

  test('and the provider shows are there, and take turns with those that were not asked for', async () => {
    const ids = numbered('acc', 140);
    const world = await worlds.open('octopost', ids);
    world.provider.when('GET /accounts', () => ({
      raw: `{"accounts":[${[...world.provider.held].slice(65).map(([, { item }]) => item)}]}`,
    }));
    const asked: string[][] = [];
    for (let round = 0; round < 2; round++) {
      world.provider.requests.length = 0;
      expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 75, vanished: 0 });
      asked.push(world.provider.requests.slice(1).map(({ path }) => path.split('/').at(-1) ?? ''));
    }
    const [first = [], second = []] = asked;
    expect([first.length, second.length]).toEqual([60, 60]);
    const waiting = ids.slice(0, 65).filter((id) => !first.includes(id));
    expect(second).toEqual(expect.arrayContaining(waiting));
    expect(await world.events(...LOSSES, 'account.updated', 'account.reappeared')).toEqual([]);
  });

  test('are not asked for when the provider stops answering', async () => {
    const ids = numbered('acc', 30);
    const world = await worlds.open('octopost', ids);
    for (const id of ids.slice(0, 14)) {
      world.provider.held.delete(id);
      world.provider.when(`GET /accounts/${id}`, {
        status: 429,
        headers: [['retry-after', '3600']],
        body: { error: 'Slow down', code: 'rate_limited' },
      });
    }
    world.provider.requests.length = 0;
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', vanished: 0 });
    expect(world.provider.requests.length).toBeLessThan(14);
  });

  test('but a health report shows under another spelling are there', async () => {
    const world = await worlds.open('socialsyncer', ['X/17841', 'Instagram/22']);
    world.provider.when('GET /accounts', { body: { accounts: [] } });
    world.provider.when('GET /accounts/health', {
      body: {
        accounts: [
          { platform: 'x', accountId: '17841', health: 'error', tokenValid: false },
          { platform: 'instagram', accountId: 22, health: 'healthy', tokenValid: true },
        ],
      },
    });
    expect(await world.sweep()).toMatchObject({ seen: 2, added: 0, vanished: 0 });
    expect(await world.account('X/17841')).toMatchObject({
      status: 'reconnect_required',
      username: expect.any(String),
      connected_at: expect.any(String),
    });
    expect((await world.accounts()).length).toBe(2);
  });
});

describe('copies on far pages', () => {
  test('count as one, whichever comes first, and change nothing', async () => {
    const world = await worlds.open('octopost');
    const copy = (is_active: boolean, connected_at: string) => ({
      id: 'acc_twice',
      platform: 'twitter',
      platform_user_id: '7',
      username: 'twice',
      is_active,
      connected_at,
    });
    const others = numbered('acc', 1200).map((id) => ({
      ...copy(true, '2026-01-01T00:00:00Z'),
      id,
      platform_user_id: id,
    }));
    const copies = [copy(false, '2026-01-01T00:00:00Z'), copy(true, '2026-03-01T00:00:00Z')];
    world.provider.when('GET /accounts', (_request, _usual, turn) => {
      const [first, last] = turn % 2 === 0 ? copies : [...copies].reverse();
      return { body: { accounts: [first, ...others, last] } };
    });
    for (let round = 0; round < 4; round++) {
      const sweep = await world.sweep();
      expect(sweep).toMatchObject({ seen: 1201, duplicates: 1, vanished: 0 });
      expect(sweep.added + sweep.changed + sweep.unchanged).toBe(sweep.seen);
      expect((await world.account('acc_twice')).status).toBe('active');
      if (round > 0) expect(sweep.changed).toBe(0);
    }
    const told = await world.events('account.health_changed', 'account.updated');
    // The first sweep may have met the worse copy first.
    expect(told.length).toBeLessThanOrEqual(2);
  });
});
