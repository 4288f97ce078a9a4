import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, expect, it } from '../support/jest.js';
import { type Caller, callerOf, items } from './caller.js';

let sandbox: Sandbox;
let call: Caller;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  call = callerOf(sandbox, 'octopost');
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

it('lists everything at once, oldest connection first, with rate-limit headers', async () => {
  const reply = await call('GET', '/accounts');
  const times = items(reply, 'accounts').map(({ connected_at }) => connected_at);
  expect(times).toEqual([...times].sort());
  expect(reply.headers.get('X-RateLimit-Limit')).toBe('120000');
});

it('answers 401 to a missing and to a wrong key', async () => {
  for (const headers of [{ Authorization: '' }, { Authorization: 'Bearer oct_test_wrong' }]) {
    const reply = await call('GET', '/accounts', { headers });
    expect([reply.status, reply.json]).toEqual([
      401,
      { error: 'Invalid or expired API key', code: 'unauthorized' },
    ]);
  }
});

it('wants a Content-Type on GET and DELETE too', async () => {
  const headers = { Authorization: `Bearer ${sandbox.apiKey('octopost')}` };
  for (const method of ['GET', 'DELETE']) {
    const reply = await fetch(`${sandbox.baseUrl('octopost')}/accounts/acc_abc123`, {
      method,
      headers,
    });
    expect([reply.status, await reply.json()]).toEqual([
      400,
      { error: 'Missing Content-Type header', code: 'bad_request' },
    ]);
  }
  expect((await call('GET', '/accounts/acc_abc123')).status).toBe(200);
});

it('answers an unsupported method with 400', async () => {
  for (const [method, path] of [
    ['POST', '/accounts'],
    ['PATCH', '/accounts/acc_abc123'],
  ] as const) {
    const reply = await call(method, path, { body: {} });
    expect([reply.status, reply.json.code]).toEqual([400, 'bad_request']);
  }
});

it('disconnects with 204, then 404, and the account leaves the list', async () => {
  const reply = await call('DELETE', '/accounts/acc_ghi789');
  expect([reply.status, reply.text]).toEqual([204, '']);
  for (const method of ['DELETE', 'GET']) {
    const again = await call(method, '/accounts/acc_ghi789');
    expect([again.status, again.json.code]).toEqual([404, 'not_found']);
  }
  expect(items(await call('GET', '/accounts'), 'accounts').map(({ id }) => id)).not.toContain(
    'acc_ghi789',
  );
});

it('says over the limit when to come back, in header and details', async () => {
  sandbox.provider('octopost').changeSettings({ requests_per_minute: 0 });
  const reply = await call('GET', '/accounts');
  expect(reply.status).toBe(429);
  expect(reply.json).toMatchObject({ code: 'rate_limited', details: { limit: 0, remaining: 0 } });
  expect(reply.json.details).toHaveProperty(
    'retry_after',
    Number(reply.headers.get('Retry-After')),
  );
});
