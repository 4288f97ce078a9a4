import { describe, expect, test } from '../support/jest.js';
import type { ProviderName } from './provider-formats.js';
import type { Answer } from './scripted-provider.js';
import { LOSSES, useWorlds, type World } from './world.js';

const worlds = useWorlds();

const HTML: Answer['headers'] = [['content-type', 'text/html']];
const NGINX: Answer = {
  status: 404,
  headers: HTML,
  raw: '<html><head><title>404 Not Found</title></head><body><center>nginx</center></body></html>',
};
const IDS: Record<ProviderName, readonly string[]> = {
  outfame: ['acc_a', 'acc_b', 'acc_c', 'acc_d'],
  creatoraudit: ['a', 'b', 'c', 'd'].map((last) => `3c90c3cc-0d44-4b50-8888-8dd25736052${last}`),
  socialsyncer: ['instagram/17841', 'facebook/111222', 'tiktok/abc', 'twitter/123'],
  octopost: ['acc_a', 'acc_b', 'acc_c', 'acc_d'],
};
const worldOf = (name: ProviderName) => worlds.open(name, IDS[name]);

async function expectNothingLost({ accounts, events }: World, count: number): Promise<void> {
  const statuses = (await accounts()).map(({ status }) => status);
  expect(statuses).toEqual(Array.from({ length: count }, () => 'active'));
  expect(await events(...LOSSES)).toEqual([]);
}

describe('1 whole and own', () => {
  const EMPTY_PAGE = {
    outfame: { data: [], has_more: false },
    creatoraudit: { data: [], pagination: { has_next: false, next_cursor: null, limit: 200 } },
    socialsyncer: { accounts: [] },
    octopost: { accounts: [] },
  };
  const FAULT = { code: 'internal', message: 'upstream timed out' };
  const NO_LISTS: readonly (readonly [what: string, ProviderName, Answer])[] = [
    [
      'a list answered 200 with an error member',
      'octopost',
      { body: { accounts: [], error: 'upstream timed out', code: 'upstream_timeout' } },
    ],
    ['an `errors` list', 'octopost', { body: { accounts: [], errors: [{ message: 'x' }] } }],
    ['`success: false`', 'octopost', { body: { success: false, accounts: [] } }],
    ['an error object', 'outfame', { body: { ...EMPTY_PAGE.outfame, error: FAULT } }],
    ['`errors`', 'creatoraudit', { body: { ...EMPTY_PAGE.creatoraudit, errors: [FAULT] } }],
    [
      'a problem document around a page',
      'creatoraudit',
      {
        body: {
          ...EMPTY_PAGE.creatoraudit,
          type: 'urn:creatoraudit:error:upstream-error',
          title: 'Bad Gateway',
          status: 502,
          detail: 'A shard did not answer.',
          code: 'UPSTREAM_ERROR',
        },
      },
    ],
    [
      'a fault of its own shape',
      'socialsyncer',
      { body: { accounts: [], error: 'Internal server error', code: 'INTERNAL_ERROR' } },
    ],
    ['206, a part of it', 'octopost', { status: 206, body: EMPTY_PAGE.octopost }],
    ['207, one status for each', 'outfame', { status: 207, body: EMPTY_PAGE.outfame }],
    ['203, changed on the way', 'socialsyncer', { status: 203, body: EMPTY_PAGE.socialsyncer }],
    ['226', 'creatoraudit', { status: 226, body: EMPTY_PAGE.creatoraudit }],
    ['204 without a body', 'octopost', { status: 204 }],
    ['an empty body', 'octopost', { raw: '' }],
    ['a page for people', 'outfame', { headers: HTML, raw: '<html>Maintenance</html>' }],
    ['null', 'octopost', { raw: 'null' }],
    ['a bare array', 'socialsyncer', { raw: '[]' }],
    ['JSON that breaks off', 'octopost', { raw: '{"accounts":[{"id":"acc_a"' }],
    [
      'JSON that breaks off in a long text',
      'octopost',
      { raw: `{"accounts":[{"id":17841400123456789,"username":"${'a'.repeat(100_000)}` },
    ],
    ['a body that is cut off', 'octopost', { raw: '{"accounts":[]}      ', cutAfter: 15 }],
    ['two JSON texts', 'octopost', { raw: '{"accounts":[]}{"error":"shard 2 timed out"}' }],
    ['a proxy’s 404', 'outfame', NGINX],
    ['a page of another API', 'outfame', { body: { data: [], meta: { page: 1, pages: 9 } } }],
  ];
  test.each(NO_LISTS)('%s: the sweep fails, %s’s accounts stand', async (_what, name, answer) => {
    const world = await worldOf(name);
    const lastSeen = (await world.accounts()).map(({ last_seen_at }) => last_seen_at);
    world.provider.when('GET /accounts', answer);
    const sweep = await world.sweep();
    expect(sweep).toMatchObject({ state: 'failed', seen: 0, vanished: 0 });
    if ((answer.status ?? 200) < 400) expect(sweep.error.code).toBe('invalid_answer');
    await expectNothingLost(world, 4);
    expect((await world.accounts()).map(({ last_seen_at }) => last_seen_at)).toEqual(lastSeen);
  });

  test('members that say that there was no error leave a list what it is', async () => {
    const world = await worldOf('octopost');
    world.provider.held.delete('acc_d');
    world.provider.when('GET /accounts', (_request, usual) => ({
      raw: `{"success":true,"error":null,"errors":[],${String(usual().raw).slice(1)}`,
    }));
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 3, vanished: 1 });
  });

  test('an account’s own data that speaks of errors is no error', async () => {
    const [id = ''] = IDS.creatoraudit;
    const world = await worldOf('creatoraudit');
    world.provider.put(id, { metadata: { error: 'typo', errors: ['x'], success: false } });
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 4 });
    expect((await world.probe(id)).status).toBe(200);
  });

  const FOREIGN: readonly (readonly [what: string, ProviderName, Answer])[] = [
    ['a proxy’s page', 'octopost', NGINX],
    ['a proxy’s page', 'socialsyncer', NGINX],
    [
      'a gateway without a route',
      'octopost',
      { status: 404, body: { message: 'no Route matched with those values' } },
    ],
    ['nothing at all', 'octopost', { status: 404 }],
    [
      'a framework',
      'outfame',
      { status: 404, body: { timestamp: '…', status: 404, error: 'Not Found', path: '/v1' } },
    ],
    [
      'a server without the route',
      'octopost',
      { status: 404, headers: [['content-type', 'text/plain']], raw: '404 page not found\n' },
    ],
    ['a load balancer', 'outfame', { status: 410, headers: HTML, raw: '<h1>Gone</h1>' }],
    ['an object store', 'octopost', { status: 404, raw: '<Error><Code>NoSuchKey</Code></Error>' }],
    ['JSON null', 'creatoraudit', { status: 404, raw: 'null' }],
  ];
  test.each(FOREIGN)(
    '404 of %s on every route of %s: probes are 502, disconnects go on trying, nothing is claimed',
    async (_what, name, answer) => {
      const world = await worldOf(name);
      const [id = ''] = IDS[name];
      world.provider.when('any', answer);
      expect(await world.probe(id)).toMatchObject({
        status: 502,
        body: { code: 'provider_error' },
      });
      await expectNothingLost(world, 4);
      const disconnect = await world.beginDisconnect(id);
      expect(await world.triedStep(disconnect, 3)).toMatchObject({
        outcome: null,
        state: expect.stringMatching(/pending|running/),
      });
      expect((await world.step(disconnect)).verified).not.toBe('absent');
      expect(await world.account(id)).toMatchObject({ status: 'disconnecting' });
      expect(await world.events(...LOSSES)).toEqual([]);
      world.provider.asUsual();
      expect(await world.endedStep(disconnect)).toMatchObject({
        state: 'succeeded',
        outcome: 'disconnected',
        verified: 'absent',
      });
      expect(world.provider.held.has(id)).toBe(false);
    },
  );

  const NO_DELETIONS: readonly (readonly [what: string, ProviderName, Answer])[] = [
    ['`deleted: false`', 'outfame', { body: { id: 'acc_a', deleted: false } }],
    ['an error', 'outfame', { body: { id: 'acc_a', deleted: true, error: FAULT } }],
    ['`success: false`', 'creatoraudit', { body: { success: false } }],
    ['a page for people', 'creatoraudit', { headers: HTML, raw: '<html>Sign in</html>' }],
    ['an error', 'octopost', { body: { error: 'locked', code: 'conflict' } }],
    ['207', 'socialsyncer', { status: 207, body: { deleted: true } }],
    ['a gateway’s 404', 'octopost', { status: 404, body: { message: 'no Route matched' } }],
    ['an empty body', 'socialsyncer', { raw: '' }],
  ];
  test.each(NO_DELETIONS)('%s of %s for a delete is no yes', async (_what, name, answer) => {
    const world = await worldOf(name);
    const [id = ''] = IDS[name];
    const path = `/accounts/${id}`;
    world.provider.when(`DELETE ${path}`, answer);
    const disconnect = await world.beginDisconnect(id);
    const step = await world.triedStep(disconnect, 2).catch(() => world.step(disconnect));
    expect(step.state).not.toBe('succeeded');
    expect(step.outcome).toBeNull();
    expect(step.verified).not.toBe('absent');
    // It is tried again for what was answered, not for the look that a yes would have led to.
    expect(step.last_error.code).not.toBe('still_present');
    expect(world.provider.held.has(id)).toBe(true);
  });

  test.each([
    ['404 as documented', { status: 404, body: { error: 'Account not found', code: 'not_found' } }],
    ['410 for a deleted account', { status: 410, body: { error: 'gone' } }],
    ['410 with a code of its own', { status: 410, body: { error: 'Gone', code: 'deleted' } }],
  ] as const)('%s is gone', async (_what, answer) => {
    const world = await worldOf('octopost');
    world.provider.held.delete('acc_a');
    world.provider.when('DELETE /accounts/acc_a', answer);
    world.provider.when('GET /accounts/acc_a', answer);
    const { status, body } = await world.disconnect('acc_a');
    expect(status).toBe(200);
    expect(body.data.steps[0]).toMatchObject({
      state: 'succeeded',
      outcome: 'already_gone',
      verified: 'absent',
    });
    const receipt = await world.receipt(body.data.id);
    expect(receipt.steps[0].evidence).toContainEqual(
      expect.objectContaining({ status: answer.status, outcome: 'absent', at: expect.any(String) }),
    );
  });
});
