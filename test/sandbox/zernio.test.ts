import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, expect, it } from '../support/jest.js';
import { type Caller, callerOf, items } from './caller.js';

let sandbox: Sandbox;
let call: Caller;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  call = callerOf(sandbox, 'zernio');
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const LACKING = '66f0a1b2c3d4e5f600000002';

it('lists everything at once, or pages where both parameters are given', async () => {
  const all = items(await call('GET', '/accounts?includeOverLimit=true'), 'accounts');
  expect(all).toHaveLength(sandbox.provider('zernio').counts().accounts);
  const page = await call('GET', '/accounts?page=2&limit=2');
  expect(items(page, 'accounts')).toEqual(all.slice(2, 4));
  expect(page.json.pagination).toEqual({ page: 2, limit: 2, total: all.length, pages: 3 });
  expect((await call('GET', '/accounts?page=2')).status).toBe(400);
});

it('tells health apart from the list, under another name of the id, and not of all', async () => {
  const listed = items(await call('GET', '/accounts'), 'accounts');
  const checked = items(await call('GET', '/accounts/health'), 'accounts');
  expect(checked).toHaveLength(listed.length - 1);
  for (const item of listed) expect(item).not.toHaveProperty('tokenValid');
  for (const item of checked) expect(item).not.toHaveProperty('_id');
  const one = checked.find(({ accountId }) => accountId === LACKING);
  expect(one).toMatchObject({ status: 'warning', tokenValid: true, issues: [] });
});

it('names missing scopes in the health of one account alone', async () => {
  const { json, text } = await call('GET', `/accounts/${LACKING}/health`);
  expect(json).toMatchObject({ accountId: LACKING, tokenStatus: { valid: true } });
  expect(json.permissions).toMatchObject({ missingRequired: ['pages_manage_posts'] });
  expect((await call('GET', '/accounts/health')).text).not.toContain('pages_manage_posts');
  expect(text).toContain('"granted":false');
});

it('disconnects with a message, then 404', async () => {
  const reply = await call('DELETE', `/accounts/${LACKING}`);
  expect([reply.status, reply.json]).toEqual([200, { message: expect.any(String) }]);
  for (const [method, path] of [
    ['DELETE', `/accounts/${LACKING}`],
    ['GET', `/accounts/${LACKING}/health`],
  ] as const) {
    const again = await call(method, path);
    expect([again.status, again.json.type]).toEqual([404, 'not_found']);
  }
});
