import { PROVIDER_NAMES } from '../../sandbox/index.js';
import type { Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
let outfame: string;

/** An account, as far as these tests look at it. */
interface Item {
  readonly id: string;
  readonly ref: string;
  readonly provider: string;
  readonly platform: string;
  readonly status: string;
  readonly username: string | null;
  readonly display_name: string | null;
  readonly updated_at: string;
  readonly health: { readonly status: string; readonly reason: string | null };
}

beforeAll(async () => {
  gateway = await startGateway();
  outfame = await gateway.connect('outfame');
  for (const provider of PROVIDER_NAMES.filter((name) => name !== 'outfame'))
    await gateway.connect(provider);
  await gateway.root.patch('/v1/accounts/outfame:acc_7Gx2kLm9Qr', {
    labels: { brand: 'acme', team: 'a b' },
  });
  await gateway.root.patch('/v1/accounts/outfame:acc_aCme1Fit00', { labels: { brand: 'other' } });
  await gateway.root.delete('/v1/accounts/outfame:acc_Sus1Pend00');
});
afterAll(() => gateway.stop());

const list = async (query: string): Promise<Item[]> => {
  const reply = await gateway.root.get(`/v1/accounts?limit=200&${query}`);
  expect(reply.status).toBe(200);
  return reply.body.data;
};
const refs = async (query: string) => (await list(query)).map(({ ref }) => ref).sort();

describe('filters', () => {
  test.each<[query: string, fits: (item: Item) => boolean]>([
    ['provider=octopost', ({ provider }) => provider === 'octopost'],
    [
      'provider=octopost,socialsyncer',
      ({ provider }) => ['octopost', 'socialsyncer'].includes(provider),
    ],
    ['platform=tiktok', ({ platform }) => platform === 'tiktok'],
    ['platform=TikTok,discord', ({ platform }) => ['tiktok', 'discord'].includes(platform)],
    ['status=paused', ({ status }) => status === 'paused'],
    ['status=setup,unavailable', ({ status }) => ['setup', 'unavailable'].includes(status)],
    ['health=unhealthy', ({ health }) => health.status === 'unhealthy'],
    ['health=warning,unknown', ({ health }) => ['warning', 'unknown'].includes(health.status)],
    ['reason=token_invalid', ({ health }) => health.reason === 'token_invalid'],
    [
      'reason=data_stale,setup_pending',
      ({ health }) => ['data_stale', 'setup_pending'].includes(health.reason ?? ''),
    ],
    ['username=ACMEfitness', ({ username }) => username?.toLowerCase() === 'acmefitness'],
    [
      'username=@acmefitness,yourhandle',
      ({ username }) => ['acmefitness', 'yourhandle'].includes(username?.toLowerCase() ?? ''),
    ],
    ['q=ACME', ({ username, display_name }) => /acme/i.test(`${username} ${display_name}`)],
    ['q=%E5%8C%97%E9%A2%A8', ({ display_name }) => display_name === '北風'],
    ['q=_', ({ username, display_name }) => `${username}${display_name}`.includes('_')],
    [
      'provider=outfame,creatoraudit&platform=tiktok&health=healthy',
      (item) =>
        item.platform === 'tiktok' &&
        item.health.status === 'healthy' &&
        ['outfame', 'creatoraudit'].includes(item.provider),
    ],
  ])('%s', async (query, fits) => {
    const all = await list('');
    const expected = all
      .filter(fits)
      .map(({ ref }) => ref)
      .sort();
    expect(expected.length).toBeGreaterThan(0);
    expect(await refs(query)).toEqual(expected);
  });

  test('by each part of a name, however short', async () => {
    const all = await list('');
    const namesOf = ({ username, display_name }: Item) =>
      [username, display_name].flatMap((name) => name?.normalize('NFC').toLowerCase() ?? []);
    const parts = new Set(
      all
        .slice(0, 3)
        .flatMap((item) =>
          namesOf(item).flatMap((name) => [
            ...[1, 2, 3, 5].map((length) => name.slice(-length)),
            name.slice(1, 2),
            name.slice(2, 4),
            name.slice(1, 4),
          ]),
        ),
    );
    parts.delete('');
    for (const part of [...parts, "'", '\\', '%', "'\\", ':*', '& ', 'zq', 'z|q'])
      expect([part, await refs(`q=${encodeURIComponent(part)}`)]).toEqual([
        part,
        all
          .filter((item) => namesOf(item).some((name) => name.includes(part)))
          .map(({ ref }) => ref)
          .sort(),
      ]);
  });

  test('by connection, and by labels', async () => {
    expect(
      new Set((await list(`connection_id=${outfame}`)).map(({ provider }) => provider)),
    ).toEqual(new Set(['outfame']));
    expect(await refs('connection_id=conn_none')).toEqual([]);
    expect(await refs('label[brand]=acme')).toEqual(['outfame:acc_7Gx2kLm9Qr']);
    expect(await refs('label[brand]=acme,other')).toEqual([
      'outfame:acc_7Gx2kLm9Qr',
      'outfame:acc_aCme1Fit00',
    ]);
    expect(await refs('label[brand]=acme&label[team]=nobody')).toEqual([]);
    expect(await refs('label%5Bbrand%5D=other')).toEqual(['outfame:acc_aCme1Fit00']);
    expect(await refs('label[none]=acme')).toEqual([]);
    expect(await refs('profile_id=prof_none')).toEqual([]);
  });

  test('by the time of the last change', async () => {
    const all = await list('');
    const times = all.map(({ updated_at }) => updated_at).sort();
    const middle = times[Math.floor(times.length / 2)] ?? '';
    expect(await refs(`updated_since=${middle}`)).toEqual(
      all
        .filter((item) => item.updated_at >= middle)
        .map(({ ref }) => ref)
        .sort(),
    );
    expect(await refs('updated_since=2999-01-01T00:00:00%2B02:00')).toEqual([]);
  });

  test('disconnected accounts only when they are asked for', async () => {
    expect(await refs('')).not.toContain('outfame:acc_Sus1Pend00');
    expect(await refs('q=lumen_studio&provider=outfame')).toEqual([]);
    expect(await refs('status=disconnected')).toEqual(['outfame:acc_Sus1Pend00']);
    expect((await refs('status=disconnected,active,paused')).length).toBeGreaterThan(10);
  });

  test.each([
    ['limit', 'limit=0'],
    ['limit', 'limit=201'],
    ['limit', 'limit=abc'],
    ['limit', 'limit=-1'],
    ['limit', 'limit=1.5'],
    ['limit', 'limit='],
    ['order_by', 'order_by=id'],
    ['order_by', 'order_by='],
    ['order_direction', 'order_direction=up'],
    ['include_total', 'include_total=yes'],
    ['include', 'include=everything'],
    ['provider', 'provider=myspace'],
    ['provider', 'provider=outfame,'],
    ['status', 'status=gone'],
    ['status', 'status='],
    ['health', 'health=fine'],
    ['reason', 'reason=none'],
    ['platform', 'platform='],
    ['username', 'username='],
    ['q', 'q='],
    ['q', 'q=%00'],
    ['q', `q=${'x'.repeat(201)}`],
    ['updated_since', 'updated_since=yesterday'],
    ['updated_since', 'updated_since=2026-02-30T00:00:00Z'],
    ['updated_since', 'updated_since=2026-02-09'],
    ['updated_since', 'updated_since=9999-12-31T23:59:59-05:00'],
    ['label', 'label=acme'],
    ['label[]', 'label[]=acme'],
    ['label[__proto__]', 'label[__proto__]=1'],
    ['label[brand]', 'label[brand]=a&label[brand]=b'],
    ['cursor', 'cursor='],
    ['__proto__', '__proto__=1'],
    ['constructor', 'constructor=1'],
    ['limit', 'limit=1&limit=1'],
  ])('a bad %s is refused by its name: %s', async (field, query) => {
    for (const path of ['/v1/accounts', '/v1/accounts/health']) {
      const reply = await gateway.root.get(`${path}?${query}`);
      expect(reply).toMatchObject({
        status: 422,
        body: { code: 'validation_error', errors: [{ field }] },
      });
    }
  });
});

describe('the envelope', () => {
  test('counts the whole on request only', async () => {
    const all = (await list('provider=creatoraudit')).length;
    const counted = await gateway.root.get(
      '/v1/accounts?provider=creatoraudit&limit=1&include_total=true',
    );
    expect(counted.body.pagination).toEqual({
      limit: 1,
      has_next: true,
      next_cursor: expect.any(String),
      total_count: all,
    });
    expect((await gateway.root.get('/v1/accounts?limit=1')).body.pagination).not.toHaveProperty(
      'total_count',
    );
    expect(
      (await gateway.root.get('/v1/accounts?limit=1&include_total=false')).body.pagination,
    ).not.toHaveProperty('total_count');
  });

  test('links the first page and, while there is one, the next: absolute, with all that was asked', async () => {
    const links = (reply: Reply) =>
      Object.fromEntries(
        [...(reply.headers.get('link') ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(
          ([, url, rel]) => [rel, url ?? ''],
        ),
      );
    let reply = await gateway.root.get(
      '/v1/accounts?limit=20&label[brand]=acme,other&order_by=username',
    );
    expect(Object.keys(links(reply))).toEqual(['first']);
    reply = await gateway.root.get('/v1/accounts?limit=20&q=%C3%A9');
    expect(new URL(links(reply).first ?? '').searchParams.get('q')).toBe('é');
    reply = await gateway.root.get('/v1/accounts?limit=20');
    let seen = reply.body.data.length;
    for (let next = links(reply).next; next !== undefined; next = links(reply).next) {
      expect(next.startsWith(`${gateway.url}/v1/accounts?`)).toBe(true);
      reply = await gateway.root.get(next.slice(gateway.url.length));
      expect(new URL(links(reply).first ?? '').searchParams.has('cursor')).toBe(false);
      seen += reply.body.data.length;
    }
    expect(seen).toBe((await list('')).length);
  });

  test('finds names in composed and decomposed letters alike, and tells them as the provider does', async () => {
    const written = 'Cafe\u0301 Gu\u0308nther';
    const fields = { display_name: written, username: 'jose\u0301' };
    gateway.sandbox.provider('octopost').putAccount('acc_def456', fields);
    await gateway.root.post('/v1/accounts/acc_def456/probe');
    for (const q of ['caf\u00e9 g\u00fcnther', 'e\u0301 gu\u0308n', 'G\u00dcN', 'Jos\u00e9'])
      expect(
        (await list(`q=${encodeURIComponent(q)}`)).map(({ display_name }) => display_name),
      ).toEqual([written]);
    for (const name of ['jos\u00e9', 'JOSE\u0301'])
      expect(await list(`username=${encodeURIComponent(name)}`)).toHaveLength(1);
  });

  test('tells no change of a picture whose address is signed anew at each look', async () => {
    const look = async (avatar_url: string) => {
      gateway.sandbox.provider('octopost').putAccount('acc_ghi789', { avatar_url });
      const { body } = await gateway.root.post('/v1/accounts/acc_ghi789/probe');
      return body.data;
    };
    const address = (signature: string, size = 1) =>
      `https://cdn.example/p.jpg?oe=66a${signature}&sig=${signature}&size=${size}`;
    const first = await look(address('1'));
    expect(first.avatar_url).toBe('https://cdn.example/p.jpg?oe=66a1&size=1');
    expect((await look(address('2'))).updated_at).toBe(first.updated_at);
    expect((await look(address('3', 2))).updated_at).not.toBe(first.updated_at);
  });

  test('holds raw provider data on request, without secrets', async () => {
    gateway.sandbox.provider('octopost').putAccount('acc_abc123', {
      access_token: 'oauth-secret',
      note: `our key is ${gateway.sandbox.apiKey('octopost')}`,
    });
    await gateway.root.post('/v1/accounts/acc_abc123/probe');
    expect((await gateway.root.get('/v1/accounts/acc_abc123')).body.data).not.toHaveProperty(
      'remote_data',
    );
    const single = (await gateway.root.get('/v1/accounts/acc_abc123?include=remote_data')).body
      .data;
    const listed = (
      await gateway.root.get(
        '/v1/accounts?include=remote_data&provider=octopost&username=acmefitness&platform=twitter',
      )
    ).body.data[0];
    for (const { remote_data } of [single, listed]) {
      expect(remote_data).toMatchObject({
        id: 'acc_abc123',
        access_token: '[redacted]',
        note: 'our key is [redacted]',
      });
    }
  });
});

describe('GET /v1/accounts/health', () => {
  test('sums up the whole filter, not the page', async () => {
    for (const query of [
      '',
      'provider=socialsyncer',
      'health=unhealthy,warning',
      'platform=nowhere',
      'label[brand]=acme',
    ]) {
      const all = await list(query);
      const { body } = await gateway.root.get(
        `/v1/accounts/health?limit=1&include_total=true&${query}`,
      );
      const of = (status: string) => all.filter(({ health }) => health.status === status).length;
      const [healthy, warning, unhealthy, unknown] = [
        'healthy',
        'warning',
        'unhealthy',
        'unknown',
      ].map(of);
      expect(body.summary).toEqual({ total: all.length, healthy, warning, unhealthy, unknown });
      expect(body.pagination.total_count).toBe(all.length);
    }
  });

  test("shows each account's health as the account does", async () => {
    const byId = new Map((await list('')).map((item) => [item.id, item]));
    const { body } = await gateway.root.get('/v1/accounts/health?limit=200');
    expect(body.data).toHaveLength(byId.size);
    for (const item of body.data) {
      const { id, ref, provider, platform, username, status, health } = byId.get(item.id) as Item;
      expect(item).toEqual({ id, ref, provider, platform, username, status, health });
    }
  });
});
