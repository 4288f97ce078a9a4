import { describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import type { ProviderName } from './provider-formats.js';
import { LOSSES, useWorlds, type World } from './world.js';

const clock = shiftedClock();
const worlds = useWorlds({ clock });
const UUID = '3c90c3cc-0d44-4b50-8888-8dd25736052a';
const MINUTE_MS = 60_000;

const JANE = {
  platform: 'linkedin',
  platform_user_id: 'urn:li:person:AAA',
  username: 'jane.personal',
  display_name: 'Jane',
  connected_at: '2026-03-01T10:00:00Z',
};
const HARBOR = {
  platform: 'linkedin',
  platform_user_id: 'urn:li:organization:99',
  username: 'harbor',
  display_name: 'Harbor Kitchen Inc.',
  connected_at: '2026-03-01T10:00:00Z',
};

/** A world whose provider holds one account, seen just now. */
async function worldWith(name: ProviderName, id: string, part: object): Promise<World> {
  const world = await worlds.open(name);
  world.provider.put(id, { ...part });
  await world.sweep();
  return world;
}

/** Asks for a disconnect in ten minutes. @returns its id */
async function schedule(world: World, id: string): Promise<string> {
  const scheduled_at = new Date(clock.now().getTime() + 10 * MINUTE_MS).toISOString();
  const request = { account_ids: [`${world.provider.name}:${id}`], scheduled_at };
  return (await world.client.post('/v1/disconnects', request)).body.data.id;
}

/** Lets the time of scheduled disconnects come. */
async function passTenMinutes(): Promise<void> {
  clock.advance(11 * MINUTE_MS);
  await worlds.gateway().app.recurringJobs.runAll();
}

async function expectLeftAlone(
  world: World,
  disconnect: string,
  id: string,
  code: string,
): Promise<void> {
  expect(await world.endedStep(disconnect)).toMatchObject({
    state: 'failed',
    outcome: null,
    last_error: { code },
  });
  expect(world.provider.writes()).toEqual([]);
  expect(world.provider.held.has(id)).toBe(true);
  expect(await world.events(...LOSSES)).toEqual([]);
  expect((await world.account(id)).status).not.toMatch(/disconnect/);
}

describe('3 identity', () => {
  test('same id now names somebody else: a plan by filter is refused', async () => {
    const world = await worldWith('octopost', 'acc_r', JANE);
    const request = { filter: { provider: 'octopost' } };
    const plan = await world.client.post('/v1/disconnects', { ...request, dry_run: true });
    expect(plan.body.data.accounts[0]).toMatchObject({ username: 'jane.personal' });
    world.provider.put('acc_r', HARBOR);
    await world.sweep();
    const { plan_hash } = plan.body.data;
    const run = await world.client.post('/v1/disconnects', { ...request, plan_hash });
    expect(run).toMatchObject({ status: 422, body: { code: 'plan_mismatch' } });
    expect(world.provider.writes()).toEqual([]);
  });

  test('and without a sweep in between nothing is deleted either', async () => {
    const world = await worldWith('octopost', 'acc_r', JANE);
    const request = { filter: { provider: 'octopost' } };
    const plan = await world.client.post('/v1/disconnects', { ...request, dry_run: true });
    world.provider.put('acc_r', HARBOR);
    clock.advance(2 * MINUTE_MS);
    const { plan_hash } = plan.body.data;
    const run = await world.client.post('/v1/disconnects', { ...request, plan_hash });
    if (run.status === 422) expect(run.body.code).toBe('plan_mismatch');
    else await expectLeftAlone(world, run.body.data.id, 'acc_r', 'identity_changed');
    expect(world.provider.writes()).toEqual([]);
  });

  test('same id now names somebody else: a scheduled disconnect fails', async () => {
    const world = await worldWith('octopost', 'acc_r', JANE);
    const disconnect = await schedule(world, 'acc_r');
    world.provider.put('acc_r', HARBOR);
    await passTenMinutes();
    await expectLeftAlone(world, disconnect, 'acc_r', 'identity_changed');
    expect(await world.step(disconnect)).toMatchObject({
      username: 'jane.personal',
      identity: {
        platform: 'linkedin',
        platform_user_id: 'urn:li:person:AAA',
        username: 'jane.personal',
      },
    });
  });

  test('a sweep between the acceptance and the start does not make it the new one’s', async () => {
    const world = await worldWith('octopost', 'acc_r', JANE);
    const disconnect = await schedule(world, 'acc_r');
    world.provider.put('acc_r', HARBOR);
    await world.sweep();
    await passTenMinutes();
    await expectLeftAlone(world, disconnect, 'acc_r', 'identity_changed');
  });

  type Change = readonly [what: string, ProviderName, id: string, before: object, after: object];
  const CHANGES: readonly Change[] = [
    [
      'the network’s id alone',
      'octopost',
      'acc_r',
      JANE,
      { platform_user_id: 'urn:li:person:BBB', username: 'jane.personal' },
    ],
    ['the platform', 'octopost', 'acc_r', JANE, { platform: 'facebook' }],
    [
      'the handle, where no id is told any more',
      'octopost',
      'acc_r',
      JANE,
      { platform_user_id: null, username: 'harbor' },
    ],
    [
      'the handle, where no time was told',
      'octopost',
      'acc_r',
      { ...JANE, platform_user_id: null, connected_at: null },
      { username: 'harbor' },
    ],
    [
      'the handle, of a provider that tells no ids',
      'outfame',
      'acc_r',
      { instagram_username: 'jane' },
      { instagram_username: 'harbor' },
    ],
    ['the platform', 'outfame', 'acc_r', { platform: 'instagram' }, { platform: 'tiktok' }],
    [
      'the handle and the platform',
      'creatoraudit',
      UUID,
      { username: 'jane', platform: 'instagram' },
      { username: 'harbor', platform: 'tiktok' },
    ],
  ];
  test.each(CHANGES)(
    'a look that is over a minute old is made again: %s changed (%s)',
    async (_what, name, id, before, after) => {
      const world = await worldWith(name, id, before);
      world.provider.put(id, { ...after });
      clock.advance(61_000);
      const disconnect = await world.beginDisconnect(id);
      await expectLeftAlone(world, disconnect, id, 'identity_changed');
    },
  );

  test.each([
    ['outfame', 'acc_r', { platform: 'tiktok', instagram_username: 'harbor' }],
    ['creatoraudit', UUID, { platform: 'tiktok', username: 'harbor' }],
  ] as const)(
    '%s destroys data: it is looked at however young the last look is',
    async (name, id, after) => {
      const world = await worldWith(name, id, { platform: 'instagram' });
      world.provider.put(id, after);
      const disconnect = await world.beginDisconnect(id);
      await expectLeftAlone(world, disconnect, id, 'identity_changed');
    },
  );

  test('a retry of it is refused again, for the same reason', async () => {
    const world = await worldWith('octopost', 'acc_r', JANE);
    world.provider.put('acc_r', HARBOR);
    clock.advance(61_000);
    const disconnect = await world.beginDisconnect('acc_r');
    await world.endedStep(disconnect);
    const { body } = await world.client.post(`/v1/disconnects/${disconnect}/retry`);
    expect(body.data.id).toBe(disconnect);
    await expectLeftAlone(world, disconnect, 'acc_r', 'identity_changed');
  });

  test('who was renamed and kept the network’s id is who was meant', async () => {
    const world = await worldWith('octopost', 'acc_r', JANE);
    const disconnect = await schedule(world, 'acc_r');
    world.provider.put('acc_r', { username: 'jane.married', display_name: 'Jane M.' });
    await passTenMinutes();
    expect(await world.endedStep(disconnect)).toMatchObject({
      state: 'succeeded',
      verified: 'absent',
    });
    expect(world.provider.writes()).toEqual(['DELETE /accounts/acc_r']);
  });

  test('who is the same is deleted, and the receipt has the look in its evidence', async () => {
    const world = await worldWith('octopost', 'acc_r', JANE);
    clock.advance(61_000);
    const { body } = await world.disconnect('acc_r');
    expect(body.data.steps[0]).toMatchObject({ state: 'succeeded', verified: 'absent' });
    const { steps } = await world.receipt(body.data.id);
    expect(steps[0].identity).toMatchObject({ platform_user_id: 'urn:li:person:AAA' });
    expect(steps[0].evidence.map(({ call }: { call: string }) => call)).toEqual([
      'look',
      'delete',
      'verify',
    ]);
    expect(steps[0].evidence[0]).toMatchObject({ status: 200, outcome: expect.any(String) });
  });

  test('what could not be compared is told in the receipt', async () => {
    const world = await worldWith('octopost', 'acc_r', { ...JANE, connected_at: null });
    clock.advance(61_000);
    const { body } = await world.disconnect('acc_r');
    expect(body.data.steps[0]).toMatchObject({ state: 'succeeded', verified: 'absent' });
    expect((await world.receipt(body.data.id)).steps[0].not_compared).toEqual(['connected_at']);
  });

  const FAILED_LOOKS = [
    ['fails', { status: 500, body: { error: 'try later', code: 'internal' } }],
    ['is a proxy’s', { status: 404, raw: '<html>nginx</html>' }],
    ['shows another account', { body: { ...HARBOR, id: 'acc_other', is_active: true } }],
    ['shows an error', { body: { error: 'shard timed out' } }],
    ['is cut off', { raw: '{"id":"acc_r"', cutAfter: 5 }],
  ] as const;
  test.each(FAILED_LOOKS)(
    'a look before the delete that %s deletes nothing',
    async (_what, answer) => {
      const world = await worldWith('octopost', 'acc_r', JANE);
      clock.advance(61_000);
      world.provider.when('GET /accounts/acc_r', answer);
      const disconnect = await world.beginDisconnect('acc_r');
      expect((await world.triedStep(disconnect, 3)).state).toMatch(/pending|running/);
      expect(world.provider.writes()).toEqual([]);
      world.provider.asUsual();
      expect(await world.endedStep(disconnect)).toMatchObject({ verified: 'absent' });
      expect(world.provider.writes()).toEqual(['DELETE /accounts/acc_r']);
    },
  );
});

describe('3 identity: an account that only the health report shows', () => {
  const PAIR = 'instagram/17841400123456789';
  /** The list lacks it by now, as its token is lost; the report has it. */
  const hide = ({ provider }: World) => provider.when('GET /accounts', { body: { accounts: [] } });

  test('is who was meant, and the receipt says that its time was not compared', async () => {
    const world = await worldWith('socialsyncer', PAIR, {});
    const disconnect = await schedule(world, PAIR);
    hide(world);
    world.provider.put(PAIR, { tokenValid: false, health: 'error' });
    await passTenMinutes();
    expect(await world.endedStep(disconnect)).toMatchObject({
      state: 'succeeded',
      verified: 'absent',
      last_error: null,
    });
    const { steps } = await world.receipt(disconnect);
    expect(steps[0]).toMatchObject({
      identity: { connected_at: '2026-01-15T10:10:00.000Z' },
      not_compared: ['connected_at'],
    });
    expect(world.provider.writes()).toEqual(['DELETE /accounts/instagram/17841400123456789']);
  });

  test('is left alone once the list has it again with a newer connect time', async () => {
    const world = await worldWith('socialsyncer', PAIR, {});
    const disconnect = await schedule(world, PAIR);
    hide(world);
    await world.sweep();
    world.provider.asUsual();
    world.provider.put(PAIR, { connectedAt: '2026-03-20T10:00:00Z' });
    await passTenMinutes();
    await expectLeftAlone(world, disconnect, PAIR, 'reconnected');
  });
});

describe('3 identity: reconnected meanwhile', () => {
  test.each([
    ['2026-03-15T10:00:00Z', '2026-03-20T10:00:00Z'],
    ['2026-03-15T10:00:00+0000', '2026-03-20T10:00:00+0000'],
    ['2026-03-15T10:00:00+02', '2026-03-20T10:00:00+02'],
    ['2026-03-15 10:00:00Z', '2026-03-20 10:00:00Z'],
    ['2026-03-15t10:00:00z', '2026-03-20t10:00:00z'],
    ['2026-03-15T10:00Z', '2026-03-20T10:00Z'],
    ['2026-03-15T10:00:00,5Z', '2026-03-20T10:00:00,5Z'],
    ['20260315T100000Z', '20260320T100000Z'],
    ['2026-03-15T10:00:00+0200', '2026-03-15T10:00:00-0200'],
  ])('%s then %s: the new connection is left alone', async (accepted, run) => {
    const world = await worldWith('octopost', 'acc_r', { ...JANE, connected_at: accepted });
    const disconnect = await schedule(world, 'acc_r');
    world.provider.put('acc_r', { connected_at: run });
    await passTenMinutes();
    await expectLeftAlone(world, disconnect, 'acc_r', 'reconnected');
  });

  test('the same instant written with another offset is the same connection', async () => {
    const world = await worldWith('octopost', 'acc_r', {
      ...JANE,
      connected_at: '2026-03-15T10:00:00Z',
    });
    const disconnect = await schedule(world, 'acc_r');
    world.provider.put('acc_r', { connected_at: '2026-03-15T12:00:00+0200' });
    await passTenMinutes();
    expect(await world.endedStep(disconnect)).toMatchObject({ state: 'succeeded' });
  });

  test('no time was told before, and one after the acceptance is told now', async () => {
    const world = await worldWith('octopost', 'acc_r', { ...JANE, connected_at: null });
    const disconnect = await schedule(world, 'acc_r');
    clock.advance(MINUTE_MS);
    world.provider.put('acc_r', { connected_at: clock.now().toISOString() });
    await passTenMinutes();
    await expectLeftAlone(world, disconnect, 'acc_r', 'reconnected');
  });
});
