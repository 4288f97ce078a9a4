import { describe, expect, test } from '../support/jest.js';
import type { Held } from './provider-formats.js';
import { useWorlds, type World } from './world.js';

const worlds = useWorlds();

const copy = (id: string, part: object) => ({
  id,
  platform: 'twitter',
  platform_user_id: '10',
  username: 'harbor',
  ...part,
});
const OLD = copy('acc_d', { is_active: false, connected_at: '2026-01-01T00:00:00Z' });
const NEW = copy('acc_d', { is_active: true, connected_at: '2026-03-01T00:00:00Z' });

/** Has the list answer with these items, in the opposite order at each call. */
function answerTurning({ provider }: World, items: readonly object[]): void {
  provider.when('GET /accounts', (_request, _usual, turn) => ({
    body: { accounts: turn % 2 === 0 ? items : [...items].reverse() },
  }));
}

describe('9 copies', () => {
  test('one account twice in a list, copies disagree', async () => {
    const world = await worlds.open('octopost');
    answerTurning(world, [OLD, NEW]);
    for (let round = 0; round < 4; round++) {
      expect(await world.sweep()).toMatchObject({
        state: 'succeeded',
        seen: 1,
        duplicates: 1,
        vanished: 0,
      });
      expect(await world.account('acc_d')).toMatchObject({
        status: 'active',
        connected_at: '2026-03-01T00:00:00.000Z',
        health: { status: 'healthy' },
      });
    }
    expect((await world.events()).map(({ type }) => type)).toEqual([
      'connection.created',
      'account.discovered',
    ]);
  });

  const at = '2026-03-01T00:00:00Z';
  const later = '2026-03-02T00:00:00+0000';
  test.each([
    [
      'the newest connection, though its token is dead',
      [
        copy('acc_d', { is_active: true, connected_at: at }),
        copy('acc_d', { is_active: false, connected_at: later }),
      ],
      'reconnect_required',
    ],
    [
      'of one age the living token',
      [
        copy('acc_d', { is_active: false, connected_at: at }),
        copy('acc_d', { is_active: true, connected_at: at }),
      ],
      'active',
    ],
    [
      'of no known age the living token',
      [
        copy('acc_d', { is_active: true, connected_at: null }),
        copy('acc_d', { is_active: false, connected_at: null }),
      ],
      'active',
    ],
    [
      'a known age before an unknown one',
      [
        copy('acc_d', { is_active: false, connected_at: null }),
        copy('acc_d', { is_active: true, connected_at: at }),
      ],
      'active',
    ],
    [
      'the readable of a broken pair',
      [
        copy('acc_d', { is_active: {}, connected_at: at }),
        copy('acc_d', { is_active: true, connected_at: at }),
      ],
      'active',
    ],
  ])('%s counts', async (_what, items, status) => {
    const world = await worlds.open('octopost');
    answerTurning(world, items);
    for (let round = 0; round < 4; round++) {
      expect(await world.sweep()).toMatchObject({ seen: 1, duplicates: 1 });
      expect((await world.account('acc_d')).status).toBe(status);
    }
    expect(await world.events('account.updated', 'account.health_changed')).toEqual([]);
  });

  test('copies that differ in what no rule is about do not flip either', async () => {
    const world = await worlds.open('octopost');
    const twins = ['one', 'two', 'three'].map((display_name) =>
      copy('acc_d', { display_name, is_active: true, connected_at: at }),
    );
    answerTurning(world, twins);
    await world.sweep();
    const { display_name } = await world.account('acc_d');
    for (let round = 0; round < 3; round++) {
      expect(await world.sweep()).toMatchObject({ seen: 1, duplicates: 2, changed: 0 });
      expect((await world.account('acc_d')).display_name).toBe(display_name);
    }
  });

  test('counts add up to what was listed', async () => {
    const world = await worlds.open('octopost');
    const others = ['acc_x', 'acc_y'].map((id) => copy(id, { is_active: true, connected_at: at }));
    answerTurning(world, [OLD, ...others, NEW, { ...NEW, id: null }, NEW]);
    const sweep = await world.sweep();
    expect(sweep).toMatchObject({ seen: 3, added: 3, duplicates: 2, quarantined: 1 });
    expect(sweep.added + sweep.changed + sweep.unchanged).toBe(sweep.seen);
  });

  test('copies on two pages are copies', async () => {
    const id = '3c90c3cc-0d44-4b50-8888-8dd25736052a';
    const world = await worlds.open('creatoraudit', [id]);
    const texts = [true, false].map((is_active) => {
      world.provider.put(id, { is_active });
      return world.provider.held.get(id) as Held;
    });
    world.provider.when('GET /accounts', ({ query }, _usual, turn) => {
      const isFirst = !query.has('cursor');
      const { item } = texts[(turn + (isFirst ? 0 : Math.floor(turn / 2))) % 2] as Held;
      const paging = isFirst ? '"has_next":true,"next_cursor":"c2"' : '"has_next":false';
      return { raw: `{"data":[${item}],"pagination":{${paging},"limit":200}}` };
    });
    for (let round = 0; round < 4; round++) {
      const sweep = await world.sweep();
      expect(sweep).toMatchObject({ state: 'succeeded', vanished: 0 });
      expect(sweep.seen).toBe(1);
    }
  });

  test('two copies in the health report do not flip a verdict', async () => {
    const ref = 'instagram/17841400123456789';
    const world = await worlds.open('socialsyncer', [ref]);
    const item = JSON.parse(world.provider.held.get(ref)?.health ?? '{}');
    const items = [item, { ...item, tokenValid: false, health: 'error' }];
    world.provider.when('GET /accounts/health', (_request, _usual, turn) => ({
      body: { accounts: turn % 2 === 0 ? items : [...items].reverse() },
    }));
    await world.sweep();
    const { health } = await world.account(ref);
    for (let round = 0; round < 3; round++) {
      await world.sweep();
      expect((await world.account(ref)).health.status).toBe(health.status);
    }
    expect((await world.events('account.health_changed')).length).toBeLessThanOrEqual(1);
  });
});
