import { describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import { FAULTS, type ProviderName } from './provider-formats.js';
import type { Answer, Reaction } from './scripted-provider.js';
import { LOSSES, useWorlds, type World } from './world.js';

const worlds = useWorlds();
const UUIDS = ['a', 'b', 'c'].map((last) => `3c90c3cc-0d44-4b50-8888-8dd25736052${last}`);
const IDS: Record<ProviderName, readonly string[]> = {
  outfame: ['acc_a', 'acc_b', 'acc_c'],
  creatoraudit: UUIDS,
  socialsyncer: ['instagram/17841400123456789', 'facebook/111', 'tiktok/abc'],
  octopost: ['acc_a', 'acc_b', 'acc_c'],
};
const ERROR: Answer = { status: 500, body: { error: 'try later', code: 'INTERNAL_ERROR' } };

/** A list that says nothing when it is asked for one platform. */
const emptyWhenFiltered: Reaction = ({ query }, usual) =>
  query.has('platform') ? { body: { accounts: [] } } : usual();

async function expectNotLost({ account, events }: World, id: string): Promise<void> {
  expect((await account(id)).status).not.toBe('disconnected');
  expect(await events(...LOSSES)).toEqual([]);
}

async function expectPending(world: World, disconnect: string): Promise<void> {
  const step = await world.triedStep(disconnect, 3);
  expect(step).toMatchObject({ outcome: null, state: expect.stringMatching(/pending|running/) });
  expect(step.verified).not.toBe('absent');
}

describe('2 absence: a filtered list proves nothing', () => {
  test('platform spelled otherwise in the list than in the filter', async () => {
    const id = 'X/1234567890';
    const world = await worlds.open('socialsyncer');
    world.provider.put(id, { username: '@harbor' });
    await world.sweep();
    world.provider.when(`DELETE /accounts/${id}`, ERROR);
    expect(await world.probe(id)).toMatchObject({
      status: 200,
      body: { data: { status: 'active' } },
    });
    const disconnect = await world.beginDisconnect(id);
    await expectPending(world, disconnect);
    await expectNotLost(world, id);
    world.provider.asUsual();
    expect(await world.endedStep(disconnect)).toMatchObject({ verified: 'absent' });
    expect(world.provider.held.size).toBe(0);
    expect(new Set(world.provider.writes())).toEqual(new Set([`DELETE /accounts/${id}`]));
  });

  const [instagram = ''] = IDS.socialsyncer;
  test.each([
    ['Instagram/17841400123456789'],
    ['INSTAGRAM/17841400123456789'],
    ['twitter/@handle id'],
    ['TikTok/_000-Ab.c~'],
  ])('%s is found, and deleted by that name alone', async (id) => {
    const world = await worlds.open('socialsyncer', [id]);
    expect((await world.probe(id)).status).toBe(200);
    expect((await world.disconnect(id)).body.data.steps[0]).toMatchObject({
      outcome: 'disconnected',
      verified: 'absent',
    });
    expect(world.provider.held.size).toBe(0);
  });

  test('that is empty for an account that the whole list shows', async () => {
    const world = await worlds.open('socialsyncer', IDS.socialsyncer);
    world.provider.when('GET /accounts', emptyWhenFiltered);
    expect((await world.probe(instagram)).status).toBe(200);
    await expectNotLost(world, instagram);
  });

  test('that is empty after a delete that did nothing', async () => {
    const world = await worlds.open('socialsyncer', IDS.socialsyncer);
    world.provider.when('GET /accounts', emptyWhenFiltered);
    world.provider.when(`DELETE /accounts/${instagram}`, { body: { deleted: true } });
    const disconnect = await world.beginDisconnect(instagram);
    await expectPending(world, disconnect);
    expect((await world.step(disconnect)).last_error.code).toBe('still_present');
  });

  test('that is refused for a platform it does not know', async () => {
    const world = await worlds.open('socialsyncer', ['mastodon/1']);
    world.provider.when('GET /accounts?platform=mastodon', {
      status: 400,
      body: { error: 'Unknown platform', code: 'VALIDATION_ERROR' },
    });
    expect((await world.probe('mastodon/1')).status).toBe(200);
    await expectNotLost(world, 'mastodon/1');
  });
});

describe('2 absence: a sibling answer contradicts', () => {
  const id = '17841400123456789';
  const ref = `instagram/${id}`;
  const withoutIt: Reaction = (_request, usual) => ({
    body: {
      accounts: (JSON.parse(String(usual().raw)).accounts as { accountId: string }[]).filter(
        ({ accountId }) => accountId !== id,
      ),
    },
  });

  test('list leaves the expired one out, health still shows it', async () => {
    const world = await worlds.open('socialsyncer', IDS.socialsyncer);
    world.provider.put(ref, {
      health: 'error',
      tokenValid: false,
      permissions: [],
      recommendations: ['Reconnect the account.'],
    });
    world.provider.when('GET /accounts', withoutIt);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', vanished: 0 });
    expect(await world.account(ref)).toMatchObject({
      status: 'reconnect_required',
      health: { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
    });
    expect(await world.events(...LOSSES)).toEqual([]);
  });

  test.each([
    ['healthy', { health: 'healthy', tokenValid: true }],
    ['a warning', { health: 'warning', tokenValid: true }],
    ['unreadable', { health: { level: 3 }, tokenValid: 'maybe' }],
  ])('health shows it as %s: it is not gone', async (_what, part) => {
    const world = await worlds.open('socialsyncer', IDS.socialsyncer);
    world.provider.put(ref, part);
    world.provider.when('GET /accounts', withoutIt);
    expect(await world.sweep()).toMatchObject({ vanished: 0 });
    await expectNotLost(world, ref);
    expect((await world.probe(ref)).status).not.toBe(404);
    await expectNotLost(world, ref);
  });

  test('a delete after which health still shows it is not verified', async () => {
    const world = await worlds.open('socialsyncer', IDS.socialsyncer);
    world.provider.when('GET /accounts', withoutIt);
    world.provider.when(`DELETE /accounts/${ref}`, { body: { deleted: true } });
    const disconnect = await world.beginDisconnect(ref);
    await expectPending(world, disconnect);
    expect(world.provider.held.has(ref)).toBe(true);
  });

  test('neither shows it: it is gone', async () => {
    const world = await worlds.open('socialsyncer', IDS.socialsyncer);
    world.provider.held.delete(ref);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', vanished: 1 });
    expect(await world.account(ref)).toMatchObject({ status: 'disconnected' });
  });
});

describe('2 absence: what a list misses is asked for', () => {
  const [, missed = ''] = UUIDS;
  const pageOf = (ids: readonly string[], world: World, next: string | null, extra = '') => ({
    raw: `{"data":[${ids.map((id) => world.provider.held.get(id)?.item)}],"pagination":{"has_next":${next !== null},"next_cursor":${JSON.stringify(next)},"limit":200${extra}}}`,
  });

  test('an account that moved between two pages while they were read', async () => {
    const world = await worlds.open('creatoraudit', UUIDS);
    const [first = '', , third = ''] = UUIDS;
    world.provider.when('GET /accounts', ({ query }) =>
      query.has('cursor') ? pageOf([third], world, null) : pageOf([first], world, 'c2'),
    );
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', vanished: 0 });
    await expectNotLost(world, missed);
    expect(world.provider.requests.map(({ path }) => path)).toContain(`/accounts/${missed}`);
  });

  test.each(['total', 'totalCount'])(
    'a list that is shorter than its %s proves nothing, where no other look can',
    async (name) => {
      const world = await worlds.open('socialsyncer', IDS.socialsyncer);
      const [id = ''] = IDS.socialsyncer;
      world.provider.when('GET /accounts/health', { body: { accounts: [] } });
      world.provider.when('GET /accounts', (_request, usual) => {
        const { accounts } = JSON.parse(String(usual().raw));
        return { body: { accounts: accounts.slice(1), [name]: 3 } };
      });
      const sweep = await world.sweep();
      expect(sweep).toMatchObject({ state: 'succeeded', seen: 2, vanished: 0, quarantined: 1 });
      expect(sweep.quarantine[0].reason).toMatch(/2 items.* 3/);
      expect(await world.probe(id)).toMatchObject({
        status: 502,
        body: { code: 'provider_error' },
      });
      await expectNotLost(world, id);
      world.provider.when('GET /accounts', (_request, usual) => {
        const { accounts } = JSON.parse(String(usual().raw));
        return { body: { accounts: accounts.slice(1), [name]: 2 } };
      });
      expect(await world.sweep()).toMatchObject({ state: 'succeeded', vanished: 1 });
    },
  );

  test('a list that is shorter than it says itself', async () => {
    const world = await worlds.open('creatoraudit', UUIDS);
    world.provider.when('GET /accounts', () =>
      pageOf(UUIDS.slice(0, 1), world, null, ',"total_count":3'),
    );
    expect(await world.sweep()).toMatchObject({ vanished: 0 });
    await expectNotLost(world, missed);
  });

  const LOOKS: readonly (readonly [what: string, ProviderName, Answer | undefined])[] = [
    ['shows it', 'octopost', undefined],
    ['shows it', 'outfame', undefined],
    ['fails', 'octopost', { status: 500, body: { error: 'x', code: 'internal' } }],
    ['fails', 'creatoraudit', { status: 502, raw: '<html>Bad Gateway</html>' }],
    ['is answered by a proxy', 'octopost', { status: 404, raw: '<html>nginx</html>' }],
    ['answers an error in 200', 'outfame', { body: { error: { code: 'x', message: 'shard' } } }],
    ['may not be asked', 'octopost', { status: 403, body: { error: 'no', code: 'forbidden' } }],
  ];
  test.each(LOOKS)('a look that %s (%s) takes nothing as gone', async (_what, name, answer) => {
    const [id = '', ...others] = IDS[name];
    const world = await worlds.open(name, IDS[name]);
    const all = new Map(world.provider.held);
    world.provider.when('GET /accounts', (_request, usual) => {
      world.provider.held.delete(id);
      const list = usual();
      for (const [key, account] of all) world.provider.held.set(key, account);
      return list;
    });
    if (answer) world.provider.when(`GET /accounts/${id}`, answer);
    expect(await world.sweep()).toMatchObject({ seen: others.length, vanished: 0 });
    await expectNotLost(world, id);
  });

  test.each(['octopost', 'outfame', 'creatoraudit'] as const)(
    'a look that says no with the whole list of %s: it is gone',
    async (name) => {
      const [id = ''] = IDS[name];
      const world = await worlds.open(name, IDS[name]);
      world.provider.held.delete(id);
      expect(await world.sweep()).toMatchObject({ state: 'succeeded', vanished: 1 });
      expect(await world.account(id)).toMatchObject({ status: 'disconnected' });
    },
  );
});

describe('2 absence: the whole API answers 404', () => {
  test('of a framework that knows no such route: an outage, and nobody is gone', async () => {
    const [id = ''] = IDS.creatoraudit;
    const world = await worlds.open('creatoraudit', IDS.creatoraudit);
    world.provider.when('any', { status: 404, body: { detail: 'Not Found' } });
    expect(await world.sweep()).toMatchObject({ state: 'failed', vanished: 0 });
    expect(await world.probe(id)).toMatchObject({ status: 502, body: { code: 'provider_error' } });
    await expectPending(world, await world.beginDisconnect(id));
    await expectNotLost(world, id);
  });

  test.each(['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const)(
    'in the words of %s: an outage, and nobody is gone',
    async (name) => {
      const [id = ''] = IDS[name];
      const world = await worlds.open(name, IDS[name]);
      world.provider.when('any', FAULTS[name]);
      expect(await world.sweep()).toMatchObject({ state: 'failed', vanished: 0 });
      expect(await world.probe(id)).toMatchObject({
        status: 502,
        body: { code: 'provider_error' },
      });
      await expectNotLost(world, id);
      const disconnect = await world.beginDisconnect(id);
      await expectPending(world, disconnect);
      await expectNotLost(world, id);
      world.provider.asUsual();
      expect(await world.endedStep(disconnect)).toMatchObject({ state: 'succeeded' });
      expect(world.provider.held.has(id)).toBe(false);
    },
  );
});

describe('2 absence: a new key that shows other accounts', () => {
  const changeKey = ({ client, connectionId }: World) =>
    client.patch(`/v1/connections/${connectionId}`, {
      credentials: { api_key: 'oct_live_fedcba9876543210' },
      verify: false,
    });
  const statuses = async ({ accounts }: World, ids: readonly string[]) =>
    (await accounts()).flatMap((account) =>
      ids.includes(account.provider_account_id) ? [account.status] : [],
    );

  test('changes nothing until someone confirms it, however many sweeps agree', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    const former = new Map(world.provider.held);
    world.provider.held.clear();
    for (const id of ['acc_x', 'acc_y', 'acc_z']) world.provider.put(id);
    expect((await changeKey(world)).status).toBe(200);
    for (let round = 0; round < 3; round++) {
      expect(await world.sweep()).toMatchObject({ state: 'held', vanished: 0 });
      expect(await statuses(world, IDS.octopost)).toEqual(['active', 'active', 'active']);
    }
    expect((await world.sweep()).error).toMatchObject({ message: expect.stringMatching(/acc_x/) });
    expect(await world.events(...LOSSES)).toEqual([]);
    world.provider.held.clear();
    for (const [id, account] of former) world.provider.held.set(id, account);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 3, vanished: 0 });
  });

  test('an empty list under a new key is nobody’s end either', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    world.provider.held.clear();
    await changeKey(world);
    expect(await world.sweep()).toMatchObject({ state: 'held', vanished: 0 });
    expect(await statuses(world, IDS.octopost)).toEqual(['active', 'active', 'active']);
  });

  test('a rotated key that still shows some of them is believed', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    world.provider.held.delete('acc_a');
    world.provider.put('acc_x');
    await changeKey(world);
    const sweep = await world.sweep();
    expect(sweep).toMatchObject({ state: 'succeeded', seen: 3 });
    expect(await statuses(world, ['acc_a', 'acc_x'])).toEqual(
      expect.arrayContaining(['disconnected', 'active']),
    );
  });
});

test('many disconnects at once share walks over the list, and each is still proven by one after its delete', async () => {
  const world = await worlds.open('socialsyncer');
  const ids = Array.from({ length: 40 }, (_, number) => `instagram/17841${number}`);
  for (const id of ids) world.provider.put(id);
  // Of one the provider says that it is deleted, and holds it all the same.
  const [kept = ''] = ids;
  world.provider.when(`DELETE /accounts/${kept}`, { body: { deleted: true } });
  await world.sweep();
  const before = world.provider.requests.length;
  const { body } = await world.client.post('/v1/disconnects', {
    account_ids: ids.map((id) => `socialsyncer:${id}`),
  });
  const { steps, summary } = await waitFor('all steps but one to end', async () => {
    const now = (await world.client.get(`/v1/disconnects/${body.data.id}`)).body.data;
    return now.summary.succeeded === ids.length - 1 && now;
  });
  expect(summary.failed).toBe(0);
  for (const step of steps) {
    const isKept = step.ref === `socialsyncer:${kept}`;
    expect(step.verified === 'absent').toBe(!isKept);
  }
  const asked = world.provider.requests.slice(before);
  const lists = asked.filter(({ method, path }) => method === 'GET' && path === '/accounts');
  expect(lists.length).toBeLessThan(ids.length);
  // Behind the last delete that is proven there is a list, and the report with it.
  const lastDelete = asked.findLastIndex(
    ({ method, path }) => method === 'DELETE' && !path.endsWith(kept),
  );
  const proofs = asked.slice(lastDelete).map(({ path }) => path);
  expect(proofs).toEqual(expect.arrayContaining(['/accounts', '/accounts/health']));
  world.provider.asUsual();
  expect((await world.account(ids[1] ?? '')).status).toBe('disconnected');
});
