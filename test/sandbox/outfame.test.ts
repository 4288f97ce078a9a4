import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import { type Caller, callerOf, items } from './caller.js';

let sandbox: Sandbox;
let call: Caller;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, accounts: 300 });
  call = callerOf(sandbox, 'outfame');
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const ACTIVE = 'acc_7Gx2kLm9Qr';
const error = (code: string) => ({
  error: expect.objectContaining({ code, message: expect.any(String) }),
});

describe('Outfame list', () => {
  it('walks to the end by cursor, each account once, and ends with has_more false and next_cursor null', async () => {
    const pages: unknown[][] = [];
    let cursor: unknown = '';
    for (let page = 0; page < 5; page++) {
      expect(cursor).not.toBeNull();
      const reply = await call('GET', `/accounts?limit=40${cursor && `&cursor=${cursor}`}`);
      pages.push(items(reply, 'data').map(({ id }) => id));
      cursor = reply.json.next_cursor;
      expect(reply.json.has_more).toBe(cursor !== null);
    }
    expect(cursor).toBeNull();
    expect(pages.map(({ length }) => length)).toEqual([40, 40, 40, 40, 2]);
    expect(new Set(pages.flat()).size).toBe(162);
  });

  it('defaults to 20 summaries: no following_count, targeting_config or daily_limits', async () => {
    const reply = await call('GET', '/accounts');
    expect(items(reply, 'data')).toHaveLength(20);
    for (const item of items(reply, 'data')) {
      expect(Object.keys(item)).not.toEqual(expect.arrayContaining(['following_count']));
      expect(item).not.toHaveProperty('targeting_config');
      expect(item).not.toHaveProperty('daily_limits');
    }
  });

  it('does not shift a page when accounts before it vanish', async () => {
    const whole = items(await call('GET', '/accounts?limit=100'), 'data').map(({ id }) => id);
    const first = await call('GET', '/accounts?limit=5');
    sandbox.provider('outfame').removeAccount(String(whole[1]));
    const second = await call('GET', `/accounts?limit=5&cursor=${first.json.next_cursor}`);
    expect(items(second, 'data').map(({ id }) => id)).toEqual(whole.slice(5, 10));
  });

  it('refuses a limit over 100, a garbled cursor and one of other filters', async () => {
    const { json } = await call('GET', '/accounts?limit=5');
    expect((await call('GET', '/accounts?limit=101')).status).toBe(400);
    expect((await call('GET', '/accounts?cursor=cur_nonsense')).json).toEqual(
      error('invalid_cursor'),
    );
    expect(
      (await call('GET', `/accounts?platform=tiktok&cursor=${json.next_cursor}`)).json,
    ).toEqual(error('invalid_cursor'));
  });

  it('filters by platform and status', async () => {
    const reply = await call('GET', '/accounts?platform=tiktok&status=paused&limit=100');
    expect(items(reply, 'data').length).toBeGreaterThan(0);
    for (const item of items(reply, 'data'))
      expect(item).toMatchObject({ platform: 'tiktok', status: 'paused' });
  });
});

describe('Outfame accounts', () => {
  it('answers 401 without a key, with a wrong one and with the former one', async () => {
    const former = sandbox.apiKey('outfame');
    for (const headers of [{ Authorization: '' }, { Authorization: 'Bearer sk_test_wrong' }]) {
      const reply = await call('GET', '/accounts', { headers });
      expect([reply.status, reply.json]).toEqual([401, error('unauthorized')]);
    }
    sandbox.provider('outfame').setKey('sk_test_next');
    expect(
      (await call('GET', '/accounts', { headers: { Authorization: `Bearer ${former}` } })).status,
    ).toBe(401);
    expect((await call('GET', '/accounts')).status).toBe(200);
  });

  it('creates in setup, where an account cannot be paused', async () => {
    sandbox.provider('outfame').changeSettings({ setup_ms: 600_000 });
    const body = {
      instagram_username: 'newhandle',
      platform: 'instagram',
      daily_limits: { likes: 10 },
    };
    const created = await call('POST', '/accounts', { body });
    expect(created.status).toBe(201);
    expect(created.json).toMatchObject({
      status: 'setup',
      daily_limits: { likes: 10, follows: 60, comments: 20, story_views: 200 },
    });
    const pause = await call('POST', '/engagement/pause', {
      body: { account_id: created.json.id },
    });
    expect([pause.status, pause.json]).toEqual([400, error('account_in_setup')]);
    expect(
      (await call('POST', '/accounts', { body: { ...body, instagram_username: 'NewHandle' } }))
        .status,
    ).toBe(409);
  });

  it('turns a new account active by itself', async () => {
    sandbox.provider('outfame').changeSettings({ setup_ms: 50 });
    const body = { instagram_username: 'newhandle', platform: 'instagram' };
    const { id } = (await call('POST', '/accounts', { body })).json;
    await waitFor(
      'the account to be validated',
      async () => (await call('GET', `/accounts/${id}`)).json.status,
      { until: (status) => status === 'active' },
    );
  });

  it.each([
    [{ instagram_username: 'x', platform: 'twitter' }, 400, 'invalid_platform'],
    [{ instagram_username: '@handle', platform: 'instagram' }, 400, 'invalid_username'],
    [{ instagram_username: 'private_person', platform: 'instagram' }, 400, 'invalid_username'],
    [{ instagram_username: 'YourHandle', platform: 'tiktok' }, 409, 'account_already_exists'],
  ])('refuses to create %j', async (body, status, code) => {
    const reply = await call('POST', '/accounts', { body });
    expect([reply.status, reply.json]).toEqual([status, error(code)]);
  });

  it('refuses to create over the plan with 403', async () => {
    sandbox.provider('outfame').changeSettings({ account_limit: 5 });
    const reply = await call('POST', '/accounts', {
      body: { instagram_username: 'onemore', platform: 'instagram' },
    });
    expect([reply.status, reply.json]).toEqual([403, error('account_limit_reached')]);
  });

  it('replaces nested objects whole on PATCH', async () => {
    const reply = await call('PATCH', `/accounts/${ACTIVE}`, {
      body: { daily_limits: { likes: 200, follows: 80 } },
    });
    expect(reply.json.daily_limits).toEqual({ likes: 200, follows: 80 });
    expect((await call('GET', `/accounts/${ACTIVE}`)).json).toEqual(reply.json);
  });

  it('deletes for good: 200 with the id, then 404', async () => {
    const reply = await call('DELETE', `/accounts/${ACTIVE}`);
    expect([reply.status, reply.json]).toEqual([200, { id: ACTIVE, deleted: true }]);
    for (const method of ['DELETE', 'GET', 'PATCH']) {
      const again = await call(
        method,
        `/accounts/${ACTIVE}`,
        method === 'PATCH' ? { body: {} } : {},
      );
      expect([again.status, again.json]).toEqual([404, error('account_not_found')]);
    }
  });

  it('shows five rate-limit headers, and over the limit 429 with Retry-After', async () => {
    sandbox.provider('outfame').changeSettings({ requests_per_minute: 2 });
    const first = await call('GET', '/accounts');
    for (const name of ['Limit', 'Remaining', 'Reset', 'Burst-Limit', 'Burst-Remaining']) {
      expect(Number(first.headers.get(`X-RateLimit-${name}`))).not.toBeNaN();
    }
    expect(first.headers.get('X-RateLimit-Remaining')).toBe('1');
    await call('GET', '/accounts');
    const over = await call('GET', '/accounts');
    expect([over.status, over.json]).toEqual([429, error('rate_limit_exceeded')]);
    const wait = Number(over.headers.get('Retry-After'));
    expect(wait).toBeGreaterThan(0);
    expect(over.json.error).toHaveProperty('retry_after', wait);
  });
});

describe('Outfame engagement', () => {
  const say = (verb: string, account_id: string) =>
    call('POST', `/engagement/${verb}`, { body: { account_id, reason: 'test' } });

  it('pauses and resumes; what is already so is a 400', async () => {
    expect((await say('pause', ACTIVE)).json).toMatchObject({
      account_id: ACTIVE,
      status: 'paused',
      queued_actions_cancelled: 12,
    });
    expect((await say('pause', ACTIVE)).json).toEqual(error('already_paused'));
    expect((await call('GET', `/accounts/${ACTIVE}`)).json.status).toBe('paused');
    expect((await say('resume', ACTIVE)).json).toMatchObject({
      account_id: ACTIVE,
      status: 'active',
    });
    expect((await say('resume', ACTIVE)).json).toEqual(error('already_active'));
    expect((await say('resume', 'acc_Sus1Pend00')).json).toEqual(error('account_suspended'));
    expect((await say('resume', 'acc_none')).status).toBe(404);
  });

  it('pages the activity of a day by type; next_cursor is absent at the end', async () => {
    const path = `/engagement/activity?account_id=${ACTIVE}&date=2026-02-09&type=like&limit=40`;
    const first = await call('GET', path);
    const second = await call('GET', `${path}&cursor=${first.json.next_cursor}`);
    const all = [...items(first, 'data'), ...items(second, 'data')];
    expect(new Set(all.map(({ id }) => id)).size).toBe(60);
    expect(
      all.every(
        ({ type, performed_at }) =>
          type === 'like' && String(performed_at).startsWith('2026-02-09'),
      ),
    ).toBe(true);
    expect(second.json).not.toHaveProperty('next_cursor');
    expect(second.json.has_more).toBe(false);
  });

  it("counts the day's actions against the limits", async () => {
    const { json } = await call('GET', `/engagement/stats?account_id=${ACTIVE}`);
    const { likes } = json.actions as Record<
      string,
      { performed: number; limit: number; remaining: number }
    >;
    expect(likes?.limit).toBe(150);
    expect((likes?.performed ?? 0) + (likes?.remaining ?? 0)).toBe(150);
    expect((await call('GET', '/engagement/stats?account_id=acc_none')).status).toBe(404);
  });
});
