import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, expect, it } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import { callerOf, control, items } from './caller.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const KEY = '/socialsyncer/accounts/instagram/17841400123456789';

it('counts what arrived and what had an effect', async () => {
  const call = callerOf(sandbox, 'outfame');
  await call('GET', '/accounts?limit=2');
  await call('POST', '/engagement/pause', { body: { account_id: 'acc_7Gx2kLm9Qr' } });
  await call('DELETE', '/accounts/acc_none');
  await call('GET', '/nowhere');
  expect((await control(sandbox, 'GET', '/outfame')).json).toEqual({
    requests: 4,
    by_operation: {
      'GET /accounts': 1,
      'POST /engagement/pause': 1,
      'DELETE /accounts/{id}': 1,
      other: 1,
    },
    faults: [],
    accounts: 12,
    deletes: { acc_none: { calls: 1, effective: 0 } },
  });
  const seen = items(await control(sandbox, 'GET', '/outfame/requests'), 'requests');
  expect(seen.map(({ method, target, effective }) => [method, target, effective])).toEqual([
    ['GET', '/accounts?limit=2', false],
    ['POST', '/engagement/pause', true],
    ['DELETE', '/accounts/acc_none', false],
    ['GET', '/nowhere', false],
  ]);
});

it('makes an account vanish, come back and change, its id with a slash or an encoded one', async () => {
  const encoded = '/socialsyncer/accounts/instagram%2F17841400123456789';
  expect((await control(sandbox, 'GET', KEY)).json.username).toBe('acmefitness');
  expect((await control(sandbox, 'DELETE', encoded)).status).toBe(204);
  expect((await control(sandbox, 'GET', KEY)).status).toBe(404);
  expect(sandbox.provider('socialsyncer').counts()).toMatchObject({ accounts: 9, deletes: {} });
  await control(sandbox, 'PUT', KEY, { connectedAt: '2026-06-01T00:00:00Z', tokenValid: false });
  const back = (await control(sandbox, 'GET', encoded)).json;
  expect(back).toMatchObject({
    username: 'acmefitness',
    connectedAt: '2026-06-01T00:00:00Z',
    tokenValid: false,
  });
});

it.each([
  ['outfame', '/accounts/x-1', 'x-1'],
  ['octopost', '/accounts/x-1', 'x-1'],
  [
    'creatoraudit',
    '/accounts/00000000-0000-4000-8000-00000000abcd',
    '00000000-0000-4000-8000-00000000abcd',
  ],
] as const)('makes an account of %s out of defaults', async (provider, path, id) => {
  await control(sandbox, 'PUT', `/${provider}/accounts/${id}`, { username: 'made_up' });
  const { status, json } = await callerOf(sandbox, provider)('GET', path);
  expect([status, json.data ?? json]).toEqual([
    200,
    expect.objectContaining({ id, platform: expect.any(String), username: 'made_up' }),
  ]);
});

it('changes key, latency and limits, and resets them all', async () => {
  await control(sandbox, 'PUT', '/octopost/key', { key: 'oct_test_next' });
  await control(sandbox, 'PUT', '/octopost/settings', { latency_ms: 60, requests_per_minute: 5 });
  const startedAt = performance.now();
  const reply = await callerOf(sandbox, 'octopost')('GET', '/accounts');
  expect([
    sandbox.apiKey('octopost'),
    reply.status,
    reply.headers.get('X-RateLimit-Limit'),
  ]).toEqual(['oct_test_next', 200, '5']);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(58);
  await control(sandbox, 'POST', '/reset');
  expect(sandbox.apiKey('octopost')).toBe('oct_test_sandbox000000');
  expect(sandbox.provider('octopost').settings).toMatchObject({
    latency_ms: 0,
    requests_per_minute: 120_000,
  });
});

it('sends what a provider reports, signed', async () => {
  const received: { readonly signature: unknown; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    received.push({ signature: request.headers['x-zernio-signature'], body });
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const account = '66f0a1b2c3d4e5f600000001';
  const report = {
    account,
    event: 'account.disconnected',
    url: `http://127.0.0.1:${port}/`,
    secret: 's',
  };
  expect((await control(sandbox, 'POST', '/zernio/reports', report)).status).toBe(202);
  const [first] = await waitFor('the report', async () => received, {
    until: ({ length }) => length > 0,
  });
  expect(JSON.parse(first?.body ?? '')).toMatchObject({
    event: 'account.disconnected',
    account: { accountId: account, username: 'acmefitness', reason: expect.any(String) },
  });
  expect(first?.signature).toBe(
    createHmac('sha256', 's')
      .update(first?.body ?? '')
      .digest('hex'),
  );
  for (const [path, other] of [
    ['/zernio/reports', { ...report, account: 'none' }],
    ['/outfame/reports', report],
  ] as const)
    expect((await control(sandbox, 'POST', path, other)).status).toBe(404);
  server.close();
});

it.each([
  ['POST', '/outfame/faults', { kind: 'nonsense' }, 400],
  ['POST', '/outfame/faults', { kind: 'down', unknown: 1 }, 400],
  ['PUT', '/outfame/settings', { latency_ms: -1 }, 400],
  ['GET', '/nobody', undefined, 404],
  ['GET', '/outfame/nowhere', undefined, 404],
  ['PATCH', '/outfame/key', undefined, 405],
] as const)('%s %s %j → %i', async (method, path, body, status) => {
  expect((await control(sandbox, method, path, body)).status).toBe(status);
});
