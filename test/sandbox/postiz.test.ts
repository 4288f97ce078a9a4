import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, expect, it } from '../support/jest.js';
import { type Caller, callerOf, type Item } from './caller.js';

let sandbox: Sandbox;
let call: Caller;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  call = callerOf(sandbox, 'postiz');
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const ID = 'cm4acme0instagram00000001';

it('takes its key bare, and tells a missing one from a wrong one', async () => {
  expect((await call('GET', '/is-connected')).json).toEqual({ connected: true });
  for (const [Authorization, msg] of [
    ['', 'No API Key found'],
    ['Bearer postiz-sandbox-0f1e2d3c4b5a6978', 'Invalid API key'],
  ] as const) {
    const headers: Record<string, string> = Authorization === '' ? {} : { Authorization };
    const reply = await fetch(`${sandbox.baseUrl('postiz')}/integrations`, { headers });
    expect([reply.status, await reply.json()]).toEqual([401, { msg }]);
  }
});

it('lists everything as a bare array, a customer only where there is one, and no token', async () => {
  const reply = await call('GET', '/integrations');
  const channels = JSON.parse(reply.text) as Item[];
  expect(channels).toHaveLength(sandbox.provider('postiz').counts().accounts);
  expect(channels.find(({ id }) => id === ID)).toMatchObject({
    identifier: 'instagram-standalone',
  });
  expect(channels.filter((channel) => 'customer' in channel).length).toBeLessThan(channels.length);
  expect(reply.text).not.toContain('token');
});

it('answers a delete with the row and its tokens, and fails over an id that it does not know', async () => {
  const reply = await call('DELETE', `/integrations/${ID}`);
  expect(reply.status).toBe(200);
  expect(reply.json).toMatchObject({ id: ID, token: `network-token-of-${ID}` });
  const again = await call('DELETE', `/integrations/${ID}`);
  expect([again.status, again.json]).toEqual([
    500,
    { statusCode: 500, message: 'Internal server error' },
  ]);
});

it('gives a link to a network that it has', async () => {
  expect((await call('GET', '/social/x')).json.url).toMatch(/^http:.+\/authorize\/x\?state=/);
  const unknown = await call('GET', '/social/orkut');
  expect([unknown.status, unknown.json]).toEqual([400, { msg: 'Integration not allowed' }]);
});

it('says over the limit when to come back', async () => {
  sandbox.provider('postiz').changeSettings({ requests_per_minute: 0 });
  const reply = await call('GET', '/integrations');
  expect(reply.status).toBe(429);
  expect(Number(reply.headers.get('Retry-After'))).toBeGreaterThan(0);
});
