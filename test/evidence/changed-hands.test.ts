import type { Reply } from '../support/client.js';
import { describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import type { ProviderName } from './provider-formats.js';
import type { Answer } from './scripted-provider.js';
import { useWorlds, type World } from './world.js';

const clock = shiftedClock();
const worlds = useWorlds({ clock });
const UUID = '3c90c3cc-0d44-4b50-8888-8dd25736052a';

const settingsOf = { outfame: { daily_limits: { likes: 1 } }, creatoraudit: { category: 'x' } };
type Changeable = keyof typeof settingsOf & ProviderName;

const change = (world: World, id: string) =>
  world.change(id, settingsOf[world.provider.name as Changeable]);
const pause = (world: World, id: string) =>
  world.client.post(`/v1/accounts/${world.provider.name}:${id}/pause`);
const resume = (world: World, id: string) =>
  world.client.post(`/v1/accounts/${world.provider.name}:${id}/resume`);
type Act = (world: World, id: string) => Promise<Reply>;

/** A world whose provider holds one account, seen just now. */
async function worldWith(name: ProviderName, id: string, part: object): Promise<World> {
  const world = await worlds.open(name);
  world.provider.put(id, { ...part });
  await world.sweep();
  return world;
}

async function expectRefused(world: World, reply: Reply, before: object): Promise<void> {
  expect(reply).toMatchObject({
    status: 409,
    body: { code: 'identity_changed', account_id: (before as { id: string }).id, fault: 'account' },
  });
  expect(reply.body.detail).toMatch(/ was .* and is .*Nothing was changed/);
  expect(world.provider.writes()).toEqual([]);
  expect(
    await world.account((before as { provider_account_id: string }).provider_account_id),
  ).toEqual(before);
  const audited = (await world.client.get('/v1/audit?limit=200')).body.data;
  expect(audited.map(({ action }: { action: string }) => action)).not.toContainEqual(
    expect.stringMatching(/^account\.(settings_changed|paused|resumed)$/),
  );
}

const ACTS: readonly (readonly [what: string, Act])[] = [
  ['settings', change],
  ['a pause', pause],
  ['a resume', resume],
];
const HANDS: readonly (readonly [what: string, Changeable, id: string, object, object])[] = [
  [
    'another handle',
    'outfame',
    'acc_a',
    { instagram_username: 'jane' },
    { instagram_username: 'x' },
  ],
  ['another platform', 'outfame', 'acc_a', {}, { platform: 'tiktok' }],
  [
    'the same handle in a newer connection',
    'outfame',
    'acc_a',
    { instagram_username: 'jane' },
    { created_at: '2026-03-20T10:00:00Z' },
  ],
  ['another handle', 'creatoraudit', UUID, { username: 'jane' }, { username: 'harbor' }],
  ['no handle any more', 'creatoraudit', UUID, { username: 'jane' }, { username: null }],
];

describe('3 identity: an id in other hands', () => {
  const CASES = [
    ...HANDS.map((hand) => ['settings', ...hand, change] as const),
    ...ACTS.slice(1).flatMap(([what, act]) =>
      HANDS.slice(0, 1).map((hand) => [what, ...hand, act] as const),
    ),
  ];
  test.each(CASES)(
    '%s: %s at %s (%s): nothing is sent',
    async (_what, _change, name, id, before, after, act) => {
      const world = await worldWith(name, id, before);
      const known = await world.account(id);
      world.provider.put(id, { ...after });
      // Longer than a look is relied on.
      clock.advance(61_000);
      await expectRefused(world, await act(world, id), known);
      // A probe shows who it is now, and then it can be changed.
      expect((await world.probe(id)).status).toBe(200);
      expect((await act(world, id)).status).toBe(200);
      expect(world.provider.writes()).toHaveLength(1);
    },
  );

  test.each(ACTS)('%s of an account that only changed its case goes out', async (_what, act) => {
    const world = await worldWith('outfame', 'acc_a', { instagram_username: 'jane' });
    world.provider.put('acc_a', { instagram_username: 'Jane' });
    expect((await act(world, 'acc_a')).status).toBe(200);
    expect(world.provider.writes()).toHaveLength(1);
  });

  test('labels in the same request are not changed either', async () => {
    const world = await worldWith('outfame', 'acc_a', { instagram_username: 'jane' });
    world.provider.put('acc_a', { instagram_username: 'harbor' });
    const request = { settings: settingsOf.outfame, labels: { brand: 'acme' } };
    expect(await world.client.patch('/v1/accounts/outfame:acc_a', request)).toMatchObject({
      status: 409,
      body: { code: 'identity_changed' },
    });
    expect((await world.account('acc_a')).labels).toEqual({});
    expect(
      await world.client.patch('/v1/accounts/outfame:acc_a', { labels: request.labels }),
    ).toMatchObject({ status: 200 });
  });

  const theirs: Answer = {
    body: { id: 'acc_a', instagram_username: 'harbor', platform: 'instagram', status: 'active' },
  };

  test('between the look and the change: the answer is told, audited, and written nowhere', async () => {
    const world = await worldWith('outfame', 'acc_a', { instagram_username: 'jane' });
    const before = await world.account('acc_a');
    world.provider.when('PATCH /accounts/acc_a', theirs);
    const reply = await change(world, 'acc_a');
    expect(reply).toMatchObject({ status: 409, body: { code: 'identity_changed' } });
    expect(reply.body.detail).toContain('The change was sent');
    expect(await world.account('acc_a')).toEqual(before);
    const audited = (await world.client.get('/v1/audit?limit=200')).body.data;
    expect(audited.map(({ action }: { action: string }) => action)).toContain(
      'account.settings_changed',
    );
  });

  test('between a pause and the look behind it: told, audited, and written nowhere', async () => {
    const world = await worldWith('outfame', 'acc_a', { instagram_username: 'jane' });
    const before = await world.account('acc_a');
    world.provider.when('GET /accounts/acc_a', (_request, usual) =>
      world.provider.writes().length === 0 ? usual() : theirs,
    );
    expect(await pause(world, 'acc_a')).toMatchObject({
      status: 409,
      body: { code: 'identity_changed' },
    });
    expect(await world.account('acc_a')).toEqual(before);
    const audited = (await world.client.get('/v1/audit?limit=200')).body.data;
    expect(audited.map(({ action }: { action: string }) => action)).toContain('account.paused');
  });

  test('an answer to the change that leaves facts out is no other account', async () => {
    const world = await worldWith('outfame', 'acc_a', { instagram_username: 'jane' });
    world.provider.when('PATCH /accounts/acc_a', {
      body: { id: 'acc_a', platform: 'instagram', status: 'active' },
    });
    expect((await change(world, 'acc_a')).status).toBe(200);
  });
});
