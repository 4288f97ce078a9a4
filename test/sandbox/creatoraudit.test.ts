import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import { type Caller, callerOf, type Item, items } from './caller.js';

let sandbox: Sandbox;
let call: Caller;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, accounts: 600 });
  call = callerOf(sandbox, 'creatoraudit');
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const TRACKED = '3c90c3cc-0d44-4b50-8888-8dd25736052a';
const problem = (status: number, code: string) => ({
  status,
  json: expect.objectContaining({
    type: `urn:creatoraudit:error:${code.toLowerCase().replaceAll('_', '-')}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code,
    request_id: expect.any(String),
  }),
});

describe('CreatorAudit list', () => {
  it('walks to the end, each account once, and counts on request', async () => {
    const ids = new Set<unknown>();
    for (let cursor: unknown; cursor !== null; ) {
      const reply = await call(
        'GET',
        `/accounts?limit=100&include_total=true${cursor ? `&cursor=${cursor}` : ''}`,
      );
      for (const { id } of items(reply, 'data')) ids.add(id);
      const pagination = reply.json.pagination as Item;
      expect(pagination).toMatchObject({
        limit: 100,
        total_count: 312,
        has_next: pagination.next_cursor !== null,
      });
      expect(reply.headers.get('Link')?.includes('rel="next"')).toBe(pagination.has_next);
      cursor = pagination.next_cursor;
    }
    expect(ids.size).toBe(312);
  });

  it('names the next page in Link by an absolute URL', async () => {
    const first = await call('GET', '/accounts?limit=3&platform=tiktok');
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('Link') ?? '')?.[1] ?? '';
    const base = sandbox.baseUrl('creatoraudit');
    expect(next.startsWith(base)).toBe(true);
    const second = await call('GET', next.slice(base.length));
    const ids = [...items(first, 'data'), ...items(second, 'data')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(6);
  });

  it('sorts by followers over pages, and binds a cursor to filters and sort with 422', async () => {
    const path = '/accounts?order_by=follower_count&limit=200';
    const first = await call('GET', path);
    const cursor = (first.json.pagination as Item).next_cursor;
    const second = await call('GET', `${path}&cursor=${cursor}`);
    const followers = [...items(first, 'data'), ...items(second, 'data')].map(
      ({ follower_count }) => Number(follower_count),
    );
    expect(followers).toHaveLength(312);
    expect(followers).toEqual([...followers].sort((one, other) => other - one));
    expect(await call('GET', `/accounts?cursor=${cursor}`)).toMatchObject(
      problem(422, 'VALIDATION_ERROR'),
    );
  });

  it.each(['limit=0', 'limit=201', 'platform=twitter', 'is_active=maybe', 'creator_id=7'])(
    'refuses %s naming the field',
    async (query) => {
      const reply = await call('GET', `/accounts?${query}`);
      expect(reply).toMatchObject(problem(422, 'VALIDATION_ERROR'));
      expect(items(reply, 'errors')[0]?.field).toBe(query.split('=')[0]);
    },
  );

  it('matches q as a substring, and a null is_active under neither value', async () => {
    const byName = await call('GET', '/accounts?q=ACME');
    expect(items(byName, 'data').map(({ username }) => username)).toEqual([
      'acme.running',
      'acmefitness',
    ]);
    const unknown = 'b1f0a9d8-1111-4c3e-9a7b-000000000009';
    for (const value of [true, false]) {
      const reply = await call('GET', `/accounts?limit=200&is_active=${value}&q=tidewater`);
      expect(items(reply, 'data').map(({ id }) => id)).not.toContain(unknown);
    }
  });
});

describe('CreatorAudit answers', () => {
  it('tells a missing or wrong key (401, no limits shown) from one switched off (403)', async () => {
    for (const headers of [{ Authorization: '' }, { Authorization: 'Bearer ca_wrong' }]) {
      const reply = await call('GET', '/whoami', { headers });
      expect(reply).toMatchObject(problem(401, 'UNAUTHORIZED'));
      expect(reply.headers.get('X-RateLimit-Limit')).toBeNull();
    }
    sandbox.provider('creatoraudit').faults.add({ kind: 'key_revoked' });
    expect(await call('GET', '/whoami')).toMatchObject(problem(403, 'FORBIDDEN'));
  });

  it('needs no key for health and meta', async () => {
    for (const path of ['/health', '/meta']) {
      const reply = await call('GET', path, { headers: { Authorization: '' } });
      expect([reply.status, reply.headers.get('X-RateLimit-Limit')]).toEqual([200, null]);
    }
  });

  it('gives a strong ETag, and 304 for it until the account changes', async () => {
    const first = await call('GET', `/accounts/${TRACKED}`);
    const headers = { 'If-None-Match': first.headers.get('ETag') ?? '' };
    const same = await call('GET', `/accounts/${TRACKED}`, { headers });
    expect([same.status, same.text]).toEqual([304, '']);
    await call('PATCH', `/accounts/${TRACKED}`, { body: { category: 'art' } });
    expect((await call('GET', `/accounts/${TRACKED}`, { headers })).status).toBe(200);
  });

  it('echoes the request id and says 404, 406, 415, 400 and 422 in its own words', async () => {
    const missing = await call('GET', `/accounts/${TRACKED.replace('3', '4')}`, {
      headers: { 'X-Request-ID': 'mine' },
    });
    expect(missing).toMatchObject(problem(404, 'NOT_FOUND'));
    expect(missing.json).toMatchObject({ request_id: 'mine', detail: 'Account not found.' });
    expect(await call('GET', '/accounts', { headers: { Accept: 'text/html' } })).toMatchObject(
      problem(406, 'NOT_ACCEPTABLE'),
    );
    expect(
      await call('POST', '/accounts', { headers: { 'Content-Type': 'text/plain' } }),
    ).toMatchObject(problem(415, 'UNSUPPORTED_MEDIA_TYPE'));
    expect(await call('POST', '/accounts')).toMatchObject(problem(400, 'BAD_REQUEST'));
    expect(await call('GET', '/accounts/not-a-uuid')).toMatchObject(
      problem(422, 'VALIDATION_ERROR'),
    );
  });
});

describe('CreatorAudit accounts', () => {
  const wanted = { platform: 'tiktok', username: 'newcomer', scrape_interval_hours: 12 };

  it('tracks at once without figures, refreshes later, refuses a duplicate', async () => {
    sandbox.provider('creatoraudit').changeSettings({ setup_ms: 40 });
    const created = await call('POST', '/accounts', { body: wanted });
    const { id, ...account } = created.json.data as Item;
    expect(created.status).toBe(201);
    expect(created.headers.get('Location')).toBe(
      `${sandbox.baseUrl('creatoraudit')}/accounts/${id}`,
    );
    expect(account).toMatchObject({
      last_scrape_time: null,
      follower_count: 0,
      scrape_interval_hours: 12,
    });
    const refreshed = await waitFor(
      'the first scrape',
      async () => (await call('GET', `/accounts/${id}`)).json.data as Item,
      { until: ({ last_scrape_time }) => last_scrape_time !== null },
    );
    expect(Number(refreshed.follower_count)).toBeGreaterThan(0);
    expect(
      await call('POST', '/accounts', { body: { ...wanted, username: 'NEWCOMER' } }),
    ).toMatchObject(problem(409, 'CONFLICT'));
  });

  it('takes a handle that is private, and finds it unavailable', async () => {
    sandbox.provider('creatoraudit').changeSettings({ setup_ms: 0 });
    const created = await call('POST', '/accounts', {
      body: { platform: 'instagram', username: 'private_person' },
    });
    const { id } = created.json.data as Item;
    expect((await call('GET', `/accounts/${id}`)).json.data).toMatchObject({
      is_unavailable: true,
      last_scrape_time: null,
    });
  });

  it('repeats the answer to the same Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': 'once' };
    const first = await call('POST', '/accounts', { body: wanted, headers });
    const second = await call('POST', '/accounts', { body: wanted, headers });
    expect([second.status, second.json]).toEqual([201, first.json]);
  });

  it('refuses what is out of bounds, an unknown creator, and more than the quota', async () => {
    expect(
      await call('POST', '/accounts', { body: { ...wanted, scrape_interval_hours: 5 } }),
    ).toMatchObject(problem(422, 'VALIDATION_ERROR'));
    const stranger = { ...wanted, creator_id: '00000000-0000-4000-8000-000000000000' };
    expect(await call('POST', '/accounts', { body: stranger })).toMatchObject(
      problem(404, 'NOT_FOUND'),
    );
    sandbox.provider('creatoraudit').changeSettings({ account_limit: 3 });
    expect(await call('POST', '/accounts', { body: wanted })).toMatchObject(
      problem(403, 'QUOTA_EXCEEDED'),
    );
  });

  it('pauses and changes settings by PATCH, and refuses a field it does not know', async () => {
    const reply = await call('PATCH', `/accounts/${TRACKED}`, {
      body: { is_active: false, post_lookback_days: 7 },
    });
    expect(reply.json.data).toMatchObject({
      is_active: false,
      post_lookback_days: 7,
      effective_post_lookback_days: 7,
      category: 'tech',
    });
    expect(
      await call('PATCH', `/accounts/${TRACKED}`, { body: { username: 'other' } }),
    ).toMatchObject(problem(422, 'VALIDATION_ERROR'));
  });

  it('deletes with 204, then 404', async () => {
    const reply = await call('DELETE', `/accounts/${TRACKED}`);
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(await call('DELETE', `/accounts/${TRACKED}`)).toMatchObject(problem(404, 'NOT_FOUND'));
    expect((await call('GET', `/accounts/${TRACKED}`)).status).toBe(404);
  });
});
