import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '../support/jest.js';
import { type Caller, callerOf, items } from './caller.js';

let sandbox: Sandbox;
let call: Caller;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  call = callerOf(sandbox, 'socialsyncer');
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

describe('SocialSyncer accounts', () => {
  it('tells a missing key from a wrong one', async () => {
    const missing = await fetch(`${sandbox.baseUrl('socialsyncer')}/accounts`);
    expect([missing.status, await missing.json()]).toEqual([
      401,
      { error: 'Missing API key', code: 'AUTH_MISSING_KEY' },
    ]);
    const wrong = await call('GET', '/accounts', { headers: { Authorization: 'Bearer sk_wrong' } });
    expect([wrong.status, wrong.json.code]).toEqual([401, 'AUTH_INVALID_KEY']);
  });

  it('splits an account over list and health, and serves health before any pair', async () => {
    const list = items(await call('GET', '/accounts'), 'accounts');
    const health = items(await call('GET', '/accounts/health'), 'accounts');
    expect(Object.keys(list[0] ?? {})).toEqual([
      'platform',
      'accountId',
      'username',
      'connectedAt',
    ]);
    const healthFields = [
      'platform',
      'accountId',
      'username',
      'health',
      'tokenValid',
      'permissions',
      'recommendations',
    ];
    expect(Object.keys(health[0] ?? {})).toEqual(healthFields);
    expect(health.map(({ platform, accountId }) => [platform, accountId])).toEqual(
      list.map(({ platform, accountId }) => [platform, accountId]),
    );
  });

  it('filters by platform, shows no rate-limit headers, and has no route for one account or platform', async () => {
    const reply = await call('GET', '/accounts?platform=twitter');
    expect(items(reply, 'accounts').map(({ username }) => username)).toEqual([
      '@acmefitness',
      '@LumenStudio_',
    ]);
    expect(reply.headers.get('X-RateLimit-Limit')).toBeNull();
    expect((await call('GET', '/accounts?platform=myspace')).json).toEqual({ accounts: [] });
    expect((await call('GET', '/accounts/instagram')).status).toBe(404);
    expect((await call('GET', '/accounts/instagram/17841400123456789')).status).toBe(404);
  });

  it('disconnects a pair once, an id with a slash too', async () => {
    for (const path of [
      '/accounts/instagram/17841400123456789',
      '/accounts/tiktok/723f24d7-e717-40f8-a2b6%2Fcb8464cd',
    ]) {
      const reply = await call('DELETE', path);
      expect([reply.status, reply.json]).toEqual([200, { deleted: true }]);
      const again = await call('DELETE', path);
      expect([again.status, again.json.code]).toEqual([404, 'NOT_FOUND']);
    }
    expect(items(await call('GET', '/accounts'), 'accounts')).toHaveLength(8);
    expect(items(await call('GET', '/accounts/health'), 'accounts')).toHaveLength(8);
  });
});

describe('SocialSyncer connect', () => {
  const callback = 'https://gateway.example/callback?session=abc';

  async function consent(platform: string, more = ''): Promise<URL> {
    const started = await call(
      'GET',
      `/connect/${platform}?redirect_url=${encodeURIComponent(callback)}`,
    );
    const page = await fetch(`${started.json.authUrl}${more}`, { redirect: 'manual' });
    expect(page.status).toBe(302);
    return new URL(page.headers.get('Location') ?? '');
  }

  it('leads over a consent page back to the caller with a code that is good once', async () => {
    const location = await consent('threads');
    expect(location.searchParams.get('session')).toBe('abc');
    const body = { code: location.searchParams.get('code'), redirect_url: callback };
    expect((await call('POST', '/connect/instagram', { body })).status).toBe(400);
    const done = await call('POST', '/connect/threads', { body });
    expect([done.status, done.json]).toEqual([
      200,
      { platform: 'threads', accountId: expect.any(String), username: expect.any(String) },
    ]);
    expect(items(await call('GET', '/accounts?platform=threads'), 'accounts')).toHaveLength(2);
    expect((await call('POST', '/connect/threads', { body })).json.code).toBe('VALIDATION_ERROR');
  });

  it('renews a lost token under the same key, with a newer connectedAt', async () => {
    const accountId = '17841400777666555';
    const former = sandbox.provider('socialsyncer').account(`instagram/${accountId}`);
    const location = await consent('instagram', `&account_id=${accountId}`);
    await call('POST', '/connect/instagram', {
      body: { code: location.searchParams.get('code'), redirect_url: callback },
    });
    const renewed = sandbox.provider('socialsyncer').account(`instagram/${accountId}`);
    expect(former?.tokenValid).toBe(false);
    expect(renewed).toMatchObject({
      tokenValid: true,
      health: 'healthy',
      username: 'lumen_studio',
    });
    expect(String(renewed?.connectedAt) > String(former?.connectedAt)).toBe(true);
  });

  it('connects anew what was disconnected, under its former name', async () => {
    await call('DELETE', '/accounts/instagram/17841400123456789');
    const location = await consent('instagram', '&account_id=17841400123456789');
    const done = await call('POST', '/connect/instagram', {
      body: { code: location.searchParams.get('code'), redirect_url: callback },
    });
    expect(done.json).toEqual({
      platform: 'instagram',
      accountId: '17841400123456789',
      username: 'acmefitness',
    });
    expect(items(await call('GET', '/accounts'), 'accounts')).toHaveLength(10);
  });

  it('refuses an unknown platform and a redirect_url that is no web address', async () => {
    expect((await call('GET', '/connect/myspace')).status).toBe(400);
    expect((await call('GET', '/connect/twitter?redirect_url=javascript:alert(1)')).status).toBe(
      400,
    );
  });
});
