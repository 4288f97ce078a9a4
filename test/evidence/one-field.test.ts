import { beforeAll, describe, expect, test } from '../support/jest.js';
import { idOf, type ProviderName } from './provider-formats.js';
import { showAll, useWorlds, type World } from './world.js';

const worlds = useWorlds();
const PROVIDERS: readonly ProviderName[] = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'];

/** What a new account looks like of which the provider tells this. */
async function firstSeen(name: ProviderName, part: object, rawPart = '') {
  const id = idOf(name, 0);
  const world = await worlds.open(name);
  world.provider.put(id, { ...part }, rawPart);
  const sweep = await world.sweep();
  return { world, sweep, account: await world.account(id) };
}

/** The fields that a sweep says it could not read. */
const degradedFields = (sweep: { degraded: { field: string; count: number }[] }) =>
  sweep.degraded.map(({ field }) => field);

const UNREADABLE = { status: 'unknown', reason: 'answer_unreadable', fault: 'provider' };

/** All accounts of a world can be disconnected, whatever could not be read of them. */
async function expectDisconnectable({ client, accounts, provider }: World): Promise<void> {
  const account_ids = (await accounts()).map(({ id }) => id);
  const request = { account_ids };
  const { body } = await client.post('/v1/disconnects', request, { Prefer: 'wait=30' });
  expect(body.data.summary).toMatchObject({
    total: account_ids.length,
    succeeded: account_ids.length,
  });
  expect(provider.held.size).toBe(0);
}

type Broken = readonly [ProviderName, field: string, value: unknown, told: object];
const BROKEN: readonly Broken[] = [
  ['octopost', 'username', { first: 'A' }, { username: null }],
  ['octopost', 'username', 12, {}],
  ['octopost', 'display_name', ['A'], {}],
  ['octopost', 'avatar_url', 7, { avatar_url: null }],
  ['octopost', 'avatar_url', {}, { avatar_url: null }],
  ['octopost', 'platform_user_id', { id: 1 }, { platform_user_id: null }],
  ['octopost', 'connected_at', 'soon', { connected_at: null }],
  ['octopost', 'connected_at', { at: 1 }, { connected_at: null }],
  ['octopost', 'last_used_at', [], { last_used_at: null }],
  ['outfame', 'instagram_username', null, { username: null }],
  ['outfame', 'instagram_username', ['a'], { username: null }],
  ['outfame', 'followers_count', 'many', { metrics: { followers: null } }],
  ['outfame', 'followers_count', {}, { metrics: { followers: null } }],
  ['outfame', 'following_count', 1.5, { metrics: { following: null } }],
  ['outfame', 'engagement_rate', 'n/a', { metrics: { engagement_rate: null } }],
  ['outfame', 'growth_rate', [], { metrics: { growth_rate_30d: null } }],
  ['outfame', 'targeting_config', 'none', {}],
  ['outfame', 'daily_limits', [1, 2], {}],
  ['outfame', 'created_at', 20_260_115, { connected_at: null }],
  ['outfame', 'updated_at', false, { provider_updated_at: null }],
  ['creatoraudit', 'username', 5.5, {}],
  ['creatoraudit', 'name', { en: 'A' }, { display_name: null }],
  ['creatoraudit', 'is_verified', 'perhaps', { is_verified: null }],
  ['creatoraudit', 'metadata', 'tags', {}],
  ['creatoraudit', 'scrape_interval_hours', 'daily', {}],
  ['creatoraudit', 'follower_count', [3], { metrics: { followers: null } }],
  ['creatoraudit', 'view_count', 'NaN', { metrics: { views: null } }],
  ['creatoraudit', 'added_at', 'yesterday', { connected_at: null }],
  ['socialsyncer', 'username', { handle: 'a' }, { username: null }],
  ['socialsyncer', 'connectedAt', 17, { connected_at: null }],
  ['socialsyncer', 'permissions', 'read', { health: { status: 'healthy' } }],
  ['socialsyncer', 'permissions', [1, { a: 2 }], { health: { status: 'healthy' } }],
  ['socialsyncer', 'recommendations', 'none', { health: { status: 'healthy' } }],
];

type Deciding = readonly [ProviderName, part: object];
const DECIDING: readonly Deciding[] = [
  ['outfame', { status: null }],
  ['outfame', { status: 3 }],
  ['outfame', { status: { now: 'active' } }],
  ['creatoraudit', { is_unavailable: 'perhaps' }],
  ['creatoraudit', { is_active: { value: true } }],
  ['creatoraudit', { last_scrape_time: 'not long ago' }],
  ['octopost', { is_active: null }],
  ['octopost', { is_active: 'perhaps' }],
  ['octopost', { is_active: {} }],
  ['socialsyncer', { health: { level: 1 }, tokenValid: 'perhaps' }],
  ['socialsyncer', { health: 7, tokenValid: null }],
];

describe('6 one field', () => {
  test('half a surrogate in a display name', async () => {
    const { world, sweep, account } = await firstSeen(
      'octopost',
      {},
      '"display_name":"Acme \\ud83d"',
    );
    expect(sweep).toMatchObject({ state: 'succeeded', seen: 1, quarantined: 0 });
    expect(sweep.degraded).toEqual([
      { field: 'display_name', count: 1, example: expect.anything() },
    ]);
    expect([null, 'Acme', 'Acme \ufffd', 'Acme ']).toContain(account.display_name);
    expect(account).toMatchObject({ username: 'acc_0_handle', health: { status: 'healthy' } });
    await expectDisconnectable(world);
  });

  test('count as text', async () => {
    const { sweep, account } = await firstSeen('creatoraudit', { follower_count: '14832' });
    expect(sweep).toMatchObject({ seen: 1, quarantined: 0 });
    expect(account.metrics.followers).toBe(14_832);
  });

  test('unknown status word', async () => {
    const { world, sweep, account } = await firstSeen('outfame', { status: 'limited' });
    expect(sweep).toMatchObject({ seen: 1, quarantined: 0 });
    expect(account).toMatchObject({
      status: 'active',
      provider_status: 'limited',
      health: UNREADABLE,
    });
    await expectDisconnectable(world);
  });

  test('deciding field readable beside a broken one', async () => {
    const id = idOf('socialsyncer', 0);
    const world = await worlds.open('socialsyncer', [id]);
    world.provider.put(id, {
      health: 'error',
      tokenValid: false,
      recommendations: [{ text: 'Reconnect' }],
    });
    const sweep = await world.sweep();
    expect(await world.account(id)).toMatchObject({
      status: 'reconnect_required',
      health: {
        status: 'unhealthy',
        reason: 'token_invalid',
        fault: 'account',
        token_valid: false,
      },
    });
    expect(degradedFields(sweep)).toEqual(['recommendations']);
  });

  describe.each(PROVIDERS)('%s: a field that is broken costs that field alone', (name) => {
    const broken = BROKEN.filter(([provider]) => provider === name);
    let shown: Awaited<ReturnType<typeof showAll>>;
    beforeAll(async () => {
      const parts = broken.map(([, field, value]) => ({ [field]: value }));
      shown = await showAll(worlds, name, parts);
      expect(shown.sweep).toMatchObject({ state: 'succeeded', quarantined: 0 });
      await expectDisconnectable(shown.world);
    });

    test.each(
      broken.map(([, field, value, told], number) => [field, value, told, number] as const),
    )('%s is %j', (_field, _value, told, number) => {
      const account = shown.accounts[number];
      expect(account).toMatchObject({ ...told, provider_account_id: idOf(name, number) });
      expect(account.health).toMatchObject({ status: 'healthy', reason: null });
    });

    test('and the sweep counts it', () => {
      const fields = new Map(
        shown.sweep.degraded.map(({ field, count }: { field: string; count: number }) => [
          field,
          count,
        ]),
      );
      for (const [, field, value] of broken) {
        if (typeof value === 'object' && value !== null)
          expect([field, fields.get(field)]).toEqual([field, expect.any(Number)]);
      }
    });
  });

  describe.each(PROVIDERS)('%s: a deciding field that cannot be read', (name) => {
    const deciding = DECIDING.filter(([provider]) => provider === name);
    let shown: Awaited<ReturnType<typeof showAll>>;
    beforeAll(async () => {
      shown = await showAll(
        worlds,
        name,
        deciding.map(([, part]) => part),
      );
      await expectDisconnectable(shown.world);
    });

    test.each(deciding.map(([, part], number) => [part, number] as const))(
      '%j',
      (_part, number) => {
        expect(shown.sweep).toMatchObject({ quarantined: 0 });
        expect(shown.accounts[number]).toMatchObject({ status: 'active', health: UNREADABLE });
        expect(degradedFields(shown.sweep).length).toBeGreaterThan(0);
      },
    );
  });

  test('a known account keeps its status where the deciding field breaks', async () => {
    const world = await worlds.open('outfame', ['acc_a']);
    world.provider.put('acc_a', { status: 'paused' });
    await world.sweep();
    world.provider.put('acc_a', { status: ['paused'] });
    await world.sweep();
    expect(await world.account('acc_a')).toMatchObject({ status: 'paused', health: UNREADABLE });
    world.provider.put('acc_a', { status: 'active' });
    await world.sweep();
    expect(await world.account('acc_a')).toMatchObject({
      status: 'active',
      health: { status: 'healthy', reason: null, fault: null },
    });
  });

  test.each([
    ['a NUL', '"username":"a\\u0000b"'],
    ['half a surrogate pair', '"username":"\\udc00harbor"'],
    ['10,000 letters', `"username":"${'x'.repeat(10_000)}"`],
    ['nesting without end beside it', `"extra":${'['.repeat(2000)}${']'.repeat(2000)}`],
    ['a NUL in what is kept raw', '"extra":{"a\\u0000":"b\\u0000"}'],
  ])('%s does not hide the account', async (_what, rawPart) => {
    const { world, sweep, account } = await firstSeen('octopost', {}, rawPart);
    expect(sweep).toMatchObject({ state: 'succeeded', seen: 1, quarantined: 0 });
    expect(account).toMatchObject({ status: 'active', display_name: 'The acc_0' });
    expect(account.username ?? '').not.toMatch(/\0/);
    await expectDisconnectable(world);
  });

  test('words are read whatever their case, and unknown ones are unknown, no warning', async () => {
    const words = ['HEALTHY', 'Healthy', ' healthy ', 'warning', 'WARNING'];
    const unknown = ['fine-ish', 'yellow', 'unbekannt', '0'];
    const parts = [
      ...words.map((health) => ({ health })),
      ...unknown.map((health) => ({ health, tokenValid: null })),
    ];
    const { accounts } = await showAll(worlds, 'socialsyncer', parts);
    expect(accounts.map(({ health }) => health.status)).toEqual([
      ...['healthy', 'healthy', 'healthy', 'warning', 'warning'],
      ...unknown.map(() => 'unknown'),
    ]);
    expect(accounts.slice(words.length).map((account) => account.provider_status)).toEqual(unknown);
  });

  test('a status is read whatever its case', async () => {
    const words = ['ACTIVE', 'Active', 'Paused', 'SUSPENDED'];
    const parts = words.map((status) => ({ status }));
    const { accounts } = await showAll(worlds, 'outfame', parts);
    expect(accounts.map(({ status }) => status)).toEqual(words.map((word) => word.toLowerCase()));
    expect(accounts.map(({ health }) => health.reason)).not.toContain('answer_unreadable');
  });

  test('sentinels are no counts, and texts that are counts are', async () => {
    const counts: readonly (readonly [told: unknown, read: number | null])[] = [
      [-1, null],
      ['-1', null],
      [-20, null],
      ['', null],
      ['N/A', null],
      [12.0, 12],
      ['12', 12],
      [0, 0],
      ['0', 0],
      [null, null],
    ];
    const parts = counts.map(([follower_count]) => ({ follower_count }));
    const { sweep, accounts } = await showAll(worlds, 'creatoraudit', parts);
    expect(sweep).toMatchObject({ seen: counts.length, quarantined: 0 });
    expect(accounts.map(({ metrics }) => metrics.followers)).toEqual(
      counts.map(([, read]) => read),
    );
    expect(new Set(accounts.map(({ metrics }) => metrics.following))).toEqual(new Set([80]));
  });

  test.each(['1e400', '123456789012345678901234567890', '-9007199254740993'])(
    'a count of %s is no count',
    async (count) => {
      const { sweep, account } = await firstSeen('creatoraudit', {}, `"follower_count":${count}`);
      expect(sweep).toMatchObject({ seen: 1, quarantined: 0 });
      expect(account.metrics).toMatchObject({ followers: null, following: 80 });
    },
  );

  test.each([
    ['null', { id: null }],
    ['empty', { id: '' }],
    ['an object', { id: { value: 'acc_a' } }],
    ['a list', { id: ['acc_a'] }],
    ['a boolean', { id: true }],
  ])('only an id that cannot be read quarantines: %s', async (_what, part) => {
    const world = await worlds.open('octopost', ['acc_a', 'acc_b']);
    world.provider.put('acc_a', part);
    const sweep = await world.sweep();
    expect(sweep).toMatchObject({ state: 'succeeded', seen: 1, quarantined: 1, vanished: 0 });
    expect(sweep.quarantine).toHaveLength(1);
    expect((await world.account('acc_a')).status).toBe('active');
  });

  test('what is counted tells how often, an example, and no secret', async () => {
    const world = await worlds.open('octopost', ['acc_a', 'acc_b', 'acc_c']);
    for (const id of ['acc_a', 'acc_b'])
      world.provider.put(id, { avatar_url: { access_token: 'EAABsecret' }, last_used_at: 'never' });
    world.provider.put('acc_c', { last_used_at: {} });
    const sweep = await world.sweep();
    const counts = new Map(
      sweep.degraded.map(({ field, count }: { field: string; count: number }) => [field, count]),
    );
    expect(counts.get('avatar_url')).toBe(2);
    expect(counts.get('last_used_at')).toBeGreaterThanOrEqual(1);
    expect(JSON.stringify(sweep)).not.toContain('EAABsecret');
    for (const entry of sweep.degraded) expect(entry.example).toBeDefined();
  });
});
