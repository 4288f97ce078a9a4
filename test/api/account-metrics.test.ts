import { useWorlds, type World } from '../evidence/world.js';
import { describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const clock = shiftedClock();
const worlds = useWorlds({ clock });
const ID = 'acc_a';
const PATH = `/v1/accounts/${encodeURIComponent(`outfame:${ID}`)}/metrics`;

/** The next sweep finds it with so many followers. */
async function grow(world: World, followers: number, more: object = {}) {
  world.provider.put(ID, {
    followers_count: followers,
    updated_at: clock.now().toISOString(),
    ...more,
  });
  return world.sweep();
}

const openAt = async (followers: number) => {
  const world = await worlds.open('outfame');
  await grow(world, followers);
  return world;
};

const series = async (world: World, query = '') =>
  (await world.client.get(`${PATH}${query}`)).body.data;

const followersOf = (samples: readonly { readonly followers: number }[]) =>
  samples.map(({ followers }) => followers);

const runJob = async (name: string) =>
  expect(await worlds.gateway().app.recurringJobs.runNamed(name)).toBe(true);

describe('a change of metrics alone', () => {
  test('is one event a day, and moves updated_at with it', async () => {
    const world = await openAt(100);
    const before = await world.account(ID);
    expect(await grow(world, 101)).toMatchObject({ changed: 1 });
    const told = await world.account(ID);
    expect(told.updated_at > before.updated_at).toBe(true);
    for (const followers of [102, 103])
      expect(await grow(world, followers)).toMatchObject({ changed: 1 });

    const now = await world.account(ID);
    expect(now).toMatchObject({ metrics: { followers: 103 }, updated_at: told.updated_at });
    expect(now.provider_updated_at > told.provider_updated_at).toBe(true);
    const [event, another] = await world.events('account.metrics_changed');
    expect(another).toBeUndefined();
    expect(event.data).toMatchObject({ account: { id: now.id }, metrics: { followers: 101 } });

    clock.advance(DAY_MS + HOUR_MS);
    await grow(world, 104);
    const events = await world.events('account.metrics_changed');
    expect(events.map(({ data }) => data.metrics.followers)).toEqual([101, 104]);
    expect(await world.events('account.updated')).toEqual([]);
  });

  test('is told with another change, as ever, where there is one', async () => {
    const world = await openAt(100);
    await grow(world, 101, { instagram_username: 'renamed' });
    const [event] = await world.events('account.updated');
    expect(event.data.changed).toEqual(expect.arrayContaining(['username', 'metrics']));
    await grow(world, 101, { instagram_username: 'renamed', status: 'suspended' });
    expect(await world.events('account.health_changed')).toHaveLength(1);
    expect(await world.events('account.metrics_changed')).toEqual([]);
  });

  test('is seen by whoever orders accounts or profiles by followers', async () => {
    const world = await openAt(100);
    world.provider.put('acc_b', { followers_count: 150, instagram_username: 'other' });
    await world.sweep();
    const order = async (list: string) =>
      (await world.client.get(`/v1/${list}?order_by=followers`)).body.data.map(
        ({ username }: { username: { value: string } | string }) =>
          typeof username === 'string' ? username : username.value,
      );
    const own = (await world.account(ID)).username;
    for (const [followers, expected] of [
      [100, ['other', own]],
      [151, [own, 'other']],
      [149, ['other', own]],
    ] as const) {
      await grow(world, followers);
      expect(await order('accounts')).toEqual(expected);
      expect(await order('profiles')).toEqual(expected);
    }
  });
});

describe('GET /v1/accounts/{id}/metrics', () => {
  test('tells the last sample of each step', async () => {
    const world = await openAt(100);
    // Within one hour and one day, whenever this runs.
    clock.advance(DAY_MS - (clock.now().getTime() % DAY_MS) + HOUR_MS);
    const start = clock.now();
    await grow(world, 110);
    await grow(world, 111);
    clock.advance(HOUR_MS);
    await grow(world, 112);
    clock.advance(DAY_MS);
    await grow(world, 113);
    const from = `from=${new Date(start.getTime() - 1).toISOString()}`;
    const hourly = await series(world, `?step=hour&${from}`);
    expect(followersOf(hourly.samples)).toEqual([111, 112, 113]);
    expect(hourly).toMatchObject({
      ...{ type: 'metrics', ref: `outfame:${ID}`, step: 'hour' },
      before: { followers: 100, growth_rate_30d: 12.5, posts: null },
    });
    const daily = await series(world);
    expect(followersOf(daily.samples)).toEqual([100, 112, 113]);
    expect(daily).toMatchObject({ step: 'day', before: null });
    const [last] = daily.samples.slice(-1);
    expect(new Date(last.at).getTime()).toBeGreaterThanOrEqual(start.getTime() + DAY_MS + HOUR_MS);
    const until = `to=${new Date(start.getTime() + DAY_MS).toISOString()}`;
    expect(followersOf((await series(world, `?${until}`)).samples)).toEqual([100, 112]);
    const [month] = (await series(world, '?step=month')).samples.slice(-1);
    expect(month.followers).toBe(113);
    const later = `from=${new Date(clock.now().getTime() + 1).toISOString()}`;
    const end = `to=${new Date(clock.now().getTime() + DAY_MS).toISOString()}`;
    expect(await series(world, `?${later}&${end}`)).toMatchObject({
      samples: [],
      before: { followers: 113 },
    });
  });

  test.each([
    ['from=2026-02-10T00:00:00Z&to=2026-02-10T00:00:00Z', 'from'],
    ['from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z&step=hour', 'from'],
    ['from=2020-01-01T00:00:00Z&to=2026-03-01T00:00:00Z', 'from'],
    ['from=yesterday', 'from'],
    ['to=2026-02-30T00:00:00Z', 'to'],
    ['step=year', 'step'],
    ['limit=5', 'limit'],
  ])('refuses ?%s', async (query, field) => {
    const { status, body } = await worlds.gateway().root.get(`${PATH}?${query}`);
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'validation_error', errors: [{ field }] });
  });

  test('is there for whoever may see the account', async () => {
    const world = await openAt(100);
    const gateway = worlds.gateway();
    const { id } = await world.account(ID);
    const keyFor = async (provider: string) => {
      const asked = { name: provider, scopes: ['read'], providers: [provider] };
      return gateway.with((await world.client.post('/v1/keys', asked)).body.data.key);
    };
    const statusFor = async (client: World['client']) =>
      (await client.get(`/v1/accounts/${id}/metrics`)).status;
    expect(await statusFor(await keyFor('outfame'))).toBe(200);
    expect(await statusFor(await keyFor('octopost'))).toBe(404);
    expect(await statusFor((await gateway.newTeam('others')).client)).toBe(404);
    expect(await statusFor(gateway.with(undefined))).toBe(401);
    expect((await world.client.get('/v1/accounts/acct_none/metrics')).status).toBe(404);
  });

  test('forgets hours after 30 days, days after thirteen months', async () => {
    const world = await openAt(100);
    clock.advance(2 * DAY_MS - (clock.now().getTime() % DAY_MS) + HOUR_MS);
    const from = `from=${clock.now().toISOString()}`;
    const to = `to=${new Date(clock.now().getTime() + DAY_MS).toISOString()}`;
    const day = `?step=hour&${from}&${to}`;
    await grow(world, 110);
    clock.advance(2 * HOUR_MS);
    await grow(world, 111);
    const kept = async () => followersOf((await series(world, day)).samples);
    for (const [days, expected] of [
      [29, [110, 111]],
      [9, [111]],
      [350, [111]],
      [40, []],
    ] as const) {
      clock.advance(days * DAY_MS);
      await runJob('accounts.keep_partitions');
      expect(await kept()).toEqual(expected);
    }
  });

  test('ends with the connection of the account', async () => {
    const world = await openAt(100);
    await grow(world, 101);
    const { id } = await world.account(ID);
    const count = async () => {
      const { rows } = await worlds.gateway().database.pool.query(
        `SELECT (SELECT count(*) FROM metric_samples_hourly WHERE account_id = $1)
           + (SELECT count(*) FROM metric_samples_daily WHERE account_id = $1) AS count`,
        [id],
      );
      return Number(rows[0].count);
    };
    expect(await count()).toBeGreaterThanOrEqual(2);
    await world.client.delete(`/v1/connections/${world.connectionId}`);
    await runJob('accounts.forget');
    expect(await count()).toBe(0);
    expect((await world.client.get(PATH)).status).toBe(404);
  });
});
