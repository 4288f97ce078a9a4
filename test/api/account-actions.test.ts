import { ALL_PROVIDERS, BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { pagesOf } from '../support/pages.js';

let gateway: Gateway;
beforeAll(async () => {
  // Here every failure shall be the provider's own.
  gateway = await startGateway({
    policies: {
      ...BRISK,
      readDeadlineMs: 3_000,
      breakerConsecutive: 1_000,
      breakerMinimumCalls: 1_000,
    },
  });
  for (const provider of ALL_PROVIDERS) await gateway.connect(provider);
});
beforeEach(() => {
  for (const provider of ALL_PROVIDERS) gateway.sandbox.provider(provider).faults.clear();
});
afterAll(() => gateway.stop());

const MINE = '/v1/accounts/outfame:acc_7Gx2kLm9Qr';
const counts = (provider: (typeof ALL_PROVIDERS)[number]) =>
  gateway.sandbox.provider(provider).counts().by_operation;

describe('POST /v1/accounts', () => {
  test.each([
    ['outfame', 'setup'],
    ['creatoraudit', 'setup'],
  ])('has %s make it, with its labels, and answers where it is', async (provider, status) => {
    const request = {
      provider,
      platform: 'Instagram',
      username: '@brand.new',
      labels: { brand: 'new' },
    };
    const made = await gateway.root.post('/v1/accounts', request);
    expect(made).toMatchObject({
      status: 201,
      body: {
        data: {
          provider,
          status,
          username: 'brand.new',
          platform: 'instagram',
          labels: { brand: 'new' },
        },
      },
    });
    expect(made.headers.get('location')).toBe(`/v1/accounts/${made.body.data.id}`);
    expect((await gateway.root.get(made.headers.get('location') ?? '')).body.data).toEqual(
      made.body.data,
    );
    expect(
      (await gateway.root.get('/v1/accounts?label[brand]=new')).body.data.map(
        ({ id }: { id: string }) => id,
      ),
    ).toContain(made.body.data.id);
  });

  test('that the provider holds already is a conflict that names our account', async () => {
    const known = (await gateway.root.get(MINE)).body.data;
    const again = await gateway.root.post('/v1/accounts', {
      provider: 'outfame',
      platform: 'instagram',
      username: 'YourHandle',
    });
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict', account_id: known.id } });
    gateway.sandbox
      .provider('outfame')
      .putAccount('acc_unknown1', { instagram_username: 'not_swept_yet' });
    const unknown = await gateway.root.post('/v1/accounts', {
      provider: 'outfame',
      platform: 'instagram',
      username: 'not_swept_yet',
    });
    expect(unknown.body).toMatchObject({ code: 'conflict' });
    expect(unknown.body).not.toHaveProperty('account_id');
  });

  test.each([
    ['socialsyncer', 'oauth'],
    ['octopost', 'dashboard'],
  ] as const)('cannot be at %s, and says how to connect instead', async (provider, flow) => {
    const request = { provider, platform: 'instagram', username: 'any' };
    // However many connections a team has: none would help.
    const { id, client } = await gateway.newTeam(`nothing at ${provider}`);
    const answers = [await gateway.root.post('/v1/accounts', request)];
    answers.push(await client.post('/v1/accounts', request));
    for (const name of ['one', 'two']) {
      const credentials = { api_key: gateway.sandbox.apiKey(provider) };
      const access = { provider, name, credentials, base_url: gateway.sandbox.baseUrl(provider) };
      const made = await gateway.root.post('/v1/connections', access, { 'Rollcall-Team': id });
      expect(made.status).toBe(201);
    }
    answers.push(await client.post('/v1/accounts', request));
    for (const refused of answers)
      expect(refused).toMatchObject({
        status: 422,
        body: {
          code: 'operation_not_supported',
          connect: { flow, url: expect.stringMatching(/^https:/) },
        },
      });
  });

  test.each([
    ['connection_id', { platform: 'instagram', username: 'a' }],
    ['provider', { provider: 'myspace', platform: 'instagram', username: 'a' }],
    ['platform', { provider: 'outfame', platform: 'linkedin', username: 'a' }],
    ['platform', { provider: 'outfame', platform: '', username: 'a' }],
    ['username', { provider: 'outfame', platform: 'instagram', username: ' ' }],
    ['username', { provider: 'outfame', platform: 'instagram', username: 'x'.repeat(129) }],
    ['username', { provider: 'outfame', platform: 'instagram', username: null }],
    [
      'settings.nonsense',
      { provider: 'outfame', platform: 'instagram', username: 'a', settings: { nonsense: 1 } },
    ],
    [
      'settings.scrape_interval_hours',
      {
        provider: 'creatoraudit',
        platform: 'instagram',
        username: 'a',
        settings: { scrape_interval_hours: 1 },
      },
    ],
    ['labels.a', { provider: 'outfame', platform: 'instagram', username: 'a', labels: { a: 1 } }],
    [
      'labels.a',
      { provider: 'outfame', platform: 'instagram', username: 'a', labels: { a: null } },
    ],
    [
      'labels',
      {
        provider: 'outfame',
        platform: 'instagram',
        username: 'a',
        labels: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 'v'])),
      },
    ],
  ])('with a bad %s is refused before the provider is asked', async (field, request) => {
    const asked = counts('outfame')['POST /accounts'];
    const reply = await gateway.root.post('/v1/accounts', request);
    expect(reply).toMatchObject({
      status: 422,
      body: { code: 'validation_error', errors: [{ field }] },
    });
    expect(counts('outfame')['POST /accounts']).toBe(asked);
  });

  test("that the provider refuses tells the provider's reason", async () => {
    const missing = await gateway.root.post('/v1/accounts', {
      provider: 'outfame',
      platform: 'instagram',
      username: 'missing_person',
    });
    expect(missing).toMatchObject({
      status: 502,
      body: {
        code: 'provider_rejected',
        provider: { id: 'outfame', status: 400, code: 'invalid_username' },
      },
    });
    gateway.sandbox.provider('outfame').changeSettings({ account_limit: 1 });
    const full = await gateway.root.post('/v1/accounts', {
      provider: 'outfame',
      platform: 'instagram',
      username: 'one_more',
    });
    gateway.sandbox.provider('outfame').changeSettings({ account_limit: null });
    expect(full).toMatchObject({
      status: 502,
      body: {
        code: 'provider_rejected',
        fault: 'connection',
        provider: { code: 'account_limit_reached' },
      },
    });
  });
});

describe('PATCH /v1/accounts/{id}', () => {
  test('merges settings over the current ones at the provider and sends them whole', async () => {
    const settings = {
      targeting_config: { hashtags: ['new'], filters: { gender: 'female' } },
      daily_limits: { likes: 7 },
    };
    const { body } = await gateway.root.patch(MINE, { settings });
    expect(body.data.settings.targeting_config).toMatchObject({
      competitor_accounts: ['competitor1', 'competitor2'],
      hashtags: ['new'],
      filters: { gender: 'female', language: 'en', age_range: { min: 18, max: 44 } },
    });
    expect(body.data.settings.daily_limits).toMatchObject({ likes: 7, follows: 60 });
    expect(gateway.sandbox.provider('outfame').account('acc_7Gx2kLm9Qr')).toMatchObject(
      body.data.settings,
    );
    const tracked = '/v1/accounts/creatoraudit:b1f0a9d8-1111-4c3e-9a7b-000000000001';
    const changed = await gateway.root.patch(tracked, {
      settings: { metadata: { region: 'US' }, category: null },
    });
    expect(changed.body.data.settings).toMatchObject({
      metadata: { region: 'US', 'campaign/2026': 'spring' },
      category: null,
    });
  });

  test('merges labels, takes off those set to null, and keeps them over sweeps', async () => {
    await gateway.root.patch(MINE, { labels: { a: '1', b: '2', 'ü/x y': '' } });
    expect(
      (await gateway.root.patch(MINE, { labels: { a: '3', b: null, none: null } })).body.data
        .labels,
    ).toEqual({ a: '3', 'ü/x y': '' });
    gateway.sandbox.provider('outfame').putAccount('acc_7Gx2kLm9Qr', { followers_count: 15000 });
    await gateway.root.post(`${MINE}/probe`);
    expect((await gateway.root.get(MINE)).body.data).toMatchObject({
      labels: { a: '3', 'ü/x y': '' },
      metrics: { followers: 15000 },
    });
  });

  test('made many times at once loses no label', async () => {
    const path = '/v1/accounts/octopost:acc_mno345';
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        gateway.root.patch(path, { labels: { [`label${at}`]: String(at) } }),
      ),
    );
    expect(Object.keys((await gateway.root.get(path)).body.data.labels)).toHaveLength(20);
    const many = Object.fromEntries(Array.from({ length: 45 }, (_, at) => [`more${at}`, 'v']));
    expect(await gateway.root.patch(path, { labels: many })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'labels' }] },
    });
    expect(Object.keys((await gateway.root.get(path)).body.data.labels)).toHaveLength(20);
  });

  test.each([
    [{}, ''],
    [{ settings: { nonsense: 1 } }, 'settings.nonsense'],
    [{ settings: { daily_limits: { likes: -1 } } }, 'settings.daily_limits.likes'],
    [{ settings: [] }, 'settings'],
    [{ labels: { a: 'x'.repeat(257) } }, 'labels.a'],
    [{ labels: { a: 'Smith, Jones' } }, 'labels.a'],
    [{ labels: { ['x'.repeat(65)]: 'a' } }, `labels.${'x'.repeat(65)}`],
    [{ status: 'active' }, 'status'],
    [{ username: 'other' }, 'username'],
  ])('with %j is refused', async (change, field) => {
    const refused = await gateway.root.patch(MINE, change);
    expect(refused).toMatchObject({ status: 422, body: { code: 'validation_error' } });
    expect(refused.body.errors[0].field).toBe(field);
  });

  test('of settings where a provider has none is not supported, and changes no label either', async () => {
    const path = '/v1/accounts/octopost:acc_abc123';
    const refused = await gateway.root.patch(path, {
      settings: { a: 1 },
      labels: { half: 'done' },
    });
    expect(refused.body.code).toBe('operation_not_supported');
    expect((await gateway.root.get(path)).body.data.labels).toEqual({});
  });
});

describe('POST /v1/accounts/{id}/probe', () => {
  test('shows what the provider says now', async () => {
    gateway.sandbox.provider('octopost').putAccount('acc_pqr678', { is_active: false });
    const path = '/v1/accounts/octopost:acc_pqr678';
    const before = (await gateway.root.get(path)).body.data;
    const probed = (await gateway.root.post(`${path}/probe`)).body.data;
    expect(probed).toMatchObject({
      id: before.id,
      status: 'reconnect_required',
      health: { status: 'unhealthy', reason: 'token_invalid' },
    });
    expect(probed.health.checked_at > before.health.checked_at).toBe(true);
    expect((await gateway.root.get(`${path}/health`)).body.data.history[0]).toMatchObject({
      from: 'healthy',
      to: 'unhealthy',
      reason: 'token_invalid',
    });
  });

  test('at once by many is one request at the provider', async () => {
    gateway.sandbox.provider('outfame').changeSettings({ latency_ms: 150 });
    const asked = counts('outfame')['GET /accounts/{id}'] ?? 0;
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => gateway.root.post(`${MINE}/probe`)),
    );
    gateway.sandbox.provider('outfame').changeSettings({ latency_ms: 0 });
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect((counts('outfame')['GET /accounts/{id}'] ?? 0) - asked).toBe(1);
  });

  test('of an account that is gone there says so, and it is disconnected here', async () => {
    gateway.sandbox.provider('octopost').removeAccount('acc_bcd890');
    const path = '/v1/accounts/octopost:acc_bcd890';
    expect(await gateway.root.post(`${path}/probe`)).toMatchObject({
      status: 404,
      body: { code: 'not_found', fault: 'account' },
    });
    expect((await gateway.root.get(path)).body.data).toMatchObject({
      status: 'disconnected',
      disconnected_at: expect.any(String),
      operations: [],
    });
    expect((await gateway.root.post(`${path}/probe`)).body.code).toBe('conflict');
    expect((await gateway.root.patch(path, { labels: { a: 'b' } })).body.code).toBe('conflict');
  });

  test.each([
    ['down', 502, 'provider_error'],
    ['hang', 504, 'provider_timeout'],
    ['server_error', 502, 'provider_error'],
    ['html', 502, 'provider_error'],
    ['truncated', 502, 'provider_error'],
    ['wrong_shape', 502, 'provider_error'],
    ['rate_limited', 503, 'provider_unavailable'],
    ['key_revoked', 502, 'provider_credential_rejected'],
  ] as const)(
    'at a provider that is %s answers %d %s, and the account stays as it was',
    async (kind, status, code) => {
      const path = '/v1/accounts/creatoraudit:3c90c3cc-0d44-4b50-8888-8dd25736052a';
      const before = (await gateway.root.get(path)).body.data;
      gateway.sandbox.provider('creatoraudit').faults.add({ kind, retry_after: 60 });
      const reply = await gateway.root.post(`${path}/probe`);
      expect(reply).toMatchObject({ status, body: { code, provider: { id: 'creatoraudit' } } });
      expect(reply.headers.has('retry-after')).toBe(status === 503);
      expect(reply.text).not.toMatch(/html|stack|sk_|Bearer/i);
      expect((await gateway.root.get(path)).body.data).toEqual(before);
      gateway.sandbox.provider('creatoraudit').faults.clear();
      if (kind === 'rate_limited') await forget('creatoraudit');
    },
  );

  /**
   * A new key starts with a clean slate: what the old one was told to wait is not held against it.
   */
  async function forget(provider: 'creatoraudit'): Promise<void> {
    gateway.sandbox.provider(provider).setKey('ca_live_another_key_000000');
    const { body } = await gateway.root.get('/v1/connections?limit=200');
    const { id } = body.data.find(
      (connection: { provider: string }) => connection.provider === provider,
    );
    await gateway.root.patch(`/v1/connections/${id}`, {
      credentials: { api_key: 'ca_live_another_key_000000' },
    });
    await gateway.sweep(id);
  }
});

describe('pause and resume', () => {
  test.each([
    ['outfame', 'acc_aCme1Fit00'],
    ['creatoraudit', 'b1f0a9d8-1111-4c3e-9a7b-000000000002'],
  ])('at %s change the account there and here; already so is no error', async (provider, id) => {
    const path = `/v1/accounts/${provider}:${id}`;
    for (const [verb, status, health] of [
      ['pause', 'paused', 'warning'],
      ['pause', 'paused', 'warning'],
      ['resume', 'active', 'healthy'],
      ['resume', 'active', 'healthy'],
    ]) {
      expect(await gateway.root.post(`${path}/${verb}`)).toMatchObject({
        status: 200,
        body: { data: { status, health: { status: health } } },
      });
    }
  });

  test('of an account whose state forbids it is refused with the reason', async () => {
    const refused = await gateway.root.post('/v1/accounts/outfame:acc_Sus1Pend00/resume');
    expect(refused).toMatchObject({
      status: 502,
      body: {
        code: 'provider_rejected',
        fault: 'account',
        provider: { code: 'account_suspended' },
      },
    });
  });

  test.each(['octopost:acc_abc123', 'socialsyncer:instagram%2F17841400123456789'])(
    'of %s are not supported',
    async (reference) => {
      for (const verb of ['pause', 'resume', 'activity', 'stats']) {
        const method = ['pause', 'resume'].includes(verb) ? 'POST' : 'GET';
        expect(
          (await gateway.root.send(method, `/v1/accounts/${reference}/${verb}`, undefined)).body
            .code,
        ).toBe('operation_not_supported');
      }
      const { body } = await gateway.root.get(`/v1/accounts/${reference}`);
      expect(body.data.operations).toEqual(['probe', 'disconnect']);
    },
  );
});

describe('activity and stats', () => {
  test('activity is read page by page, each action once, within its filters', async () => {
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const seen: string[] = [];
    const likes = `${MINE}/activity?type=like&date=${yesterday}&limit=25`;
    for await (const { data } of pagesOf(gateway.root, likes)) {
      seen.push(...data.map(({ id }: { id: string }) => id));
      expect(data.every(({ type }: { type: string }) => type === 'like')).toBe(true);
    }
    expect([seen.length, new Set(seen).size]).toEqual([60, 60]);
    const { body } = await gateway.root.get(`${MINE}/activity?limit=1&date=${yesterday}`);
    const stolen = await gateway.root.get(
      `/v1/accounts/outfame:acc_aCme2Run00/activity?limit=1&date=${yesterday}&cursor=${body.pagination.next_cursor}`,
    );
    expect(stolen.body.code).toBe('cursor_mismatch');
  });

  test.each(['type=dislike', 'date=yesterday', 'date=2026-02-30', 'limit=0', 'cursor='])(
    'activity with %s is refused',
    async (query) => {
      expect((await gateway.root.get(`${MINE}/activity?${query}`)).status).toBe(422);
    },
  );

  test("stats are today's", async () => {
    const { body } = await gateway.root.get(`${MINE}/stats`);
    expect(body.data).toMatchObject({
      type: 'stats',
      account_id: expect.stringMatching(/^acct_/),
      date: new Date().toISOString().slice(0, 10),
    });
    expect(body.data.actions.likes).toMatchObject({
      performed: expect.any(Number),
      limit: expect.any(Number),
    });
  });
});
