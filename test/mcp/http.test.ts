import { hostGuard } from '../../src/mcp/index.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { openSocket, readAnswer } from '../support/raw-socket.js';

let gateway: Gateway;
let owner: Client;
beforeAll(async () => {
  gateway = await startGateway();
  owner = (await gateway.newTeam('owner')).client;
});
afterAll(() => gateway.stop());

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
interface Sent {
  readonly key?: string | undefined;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}
async function send({ key = owner.key, method = 'POST', body, headers = {} }: Sent = {}) {
  const response = await fetch(`${gateway.url}/mcp`, {
    method,
    headers: {
      ...(key !== '' && { Authorization: `Bearer ${key}` }),
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...headers,
    },
    ...(method === 'POST' && { body: body ?? JSON.stringify(LIST) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

test('without a good key nothing is answered but how to send one', async () => {
  const none = await send({ key: '' });
  expect(none.status).toBe(401);
  expect(none.headers.get('www-authenticate')).toBe('Bearer realm="Rollcall", scope="read"');
  const wrong = await send({ key: `rc_${'0'.repeat(26)}_${'a'.repeat(36)}` });
  expect(wrong.status).toBe(401);
  expect(wrong.headers.get('www-authenticate')).toBe(
    'Bearer realm="Rollcall", error="invalid_token", scope="read"',
  );
  expect(JSON.parse(wrong.text)).toMatchObject({ code: 'unauthorized', instance: '/mcp' });
});

test('limits are those of every route: media types, size, methods, request ids', async () => {
  expect((await send()).status).toBe(200);
  const statuses = await Promise.all(
    [
      send({ headers: { 'Content-Type': 'text/plain' } }),
      send({ headers: { Accept: 'text/html' } }),
      send({ body: JSON.stringify({ ...LIST, padding: 'x'.repeat(300_000) }) }),
      send({ body: '{"jsonrpc":' }),
      send({ method: 'GET' }),
      send({ method: 'DELETE' }),
    ].map(async (sent) => (await sent).status),
  );
  expect(statuses).toEqual([415, 406, 413, 400, 405, 405]);
  expect((await send({ method: 'GET' })).headers.get('allow')).toBe('POST');
  const named = await send({ headers: { 'X-Request-ID': 'mine-1' } });
  expect(named.headers.get('x-request-id')).toBe('mine-1');
  expect(named.headers.get('ratelimit-policy')).toBeTruthy();
  // Another protocol's own matter: it is neither stored nor refused.
  const again = { headers: { 'Idempotency-Key': 'one' } };
  expect([(await send(again)).status, (await send(again)).status]).toEqual([200, 200]);
});

test('the quota of the key holds, and each call of a tool takes of it what it asks', async () => {
  const { data } = (
    await gateway.root.post(
      '/v1/keys',
      { name: 'small', scopes: ['read'], rate_limit: { quota: 8, window_seconds: 3600 } },
      { 'Rollcall-Team': (await owner.get('/v1/whoami')).body.data.team.id },
    )
  ).body;
  const call = { ...LIST, method: 'tools/call', params: { name: 'health_summary', arguments: {} } };
  const replies: { status: number; text: string }[] = [];
  for (let sent = 0; sent < 9; sent++)
    replies.push(await send({ key: data.key, body: JSON.stringify(call) }));
  expect(replies[0]?.text).toContain('structuredContent');
  const last = replies.at(-1);
  expect(last?.status).toBe(429);
  expect(JSON.parse(last?.text ?? '')).toMatchObject({ code: 'rate_limited' });
});

test.each([
  ['Host', 'evil.example'],
  ['Host', '127.0.0.1.evil.example:3000'],
  ['Origin', 'https://evil.example'],
  ['Origin', 'null'],
  ['Origin', 'file://'],
])('the %s %s is refused before the key is looked at', async (name, value) => {
  const port = new URL(gateway.url).port;
  const body = JSON.stringify(LIST);
  const lines = [
    'POST /mcp HTTP/1.1',
    ...(name === 'Host' ? [] : [`Host: 127.0.0.1:${port}`]),
    `${name}: ${value}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  const { socket, ended } = await openSocket(gateway.url);
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  expect(readAnswer(await ended)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
});

test.each(['http://localhost:5173', 'http://127.0.0.1:8080'])(
  'the origin %s is of this machine',
  async (origin) => {
    expect((await send({ headers: { Origin: origin } })).status).toBe(200);
  },
);

test.each([
  [{ host: '127.0.0.1', publicUrl: undefined }, 'localhost:3000', undefined, true],
  [{ host: '127.0.0.1', publicUrl: undefined }, '10.0.0.1:3000', undefined, false],
  [{ host: '0.0.0.0', publicUrl: undefined }, '10.0.0.1:3000', undefined, true],
  [{ host: '0.0.0.0', publicUrl: undefined }, 'rollcall.example', undefined, false],
  [{ host: '::', publicUrl: undefined }, '[fd00::1]:3000', undefined, true],
  [{ host: '0.0.0.0', publicUrl: 'https://rollcall.example' }, 'rollcall.example', undefined, true],
  [
    { host: '10.1.1.1', publicUrl: 'https://rollcall.example' },
    'rollcall.example',
    'https://rollcall.example',
    true,
  ],
  [
    { host: '10.1.1.1', publicUrl: 'https://rollcall.example' },
    'rollcall.example',
    'https://rollcall.example.evil.example',
    false,
  ],
  [{ host: '10.1.1.1', publicUrl: undefined }, 'localhost', undefined, false],
])('at %j the host %s, called from %s: %s', (place, host, origin, isLetIn) => {
  let passed = false;
  let status = 0;
  const response = {
    locals: { requestId: 'req_1' },
    status: (code: number) => {
      status = code;
      return response;
    },
    set: () => response,
    setHeader: () => response,
    end: () => response,
  };
  const request = { host, method: 'POST', originalUrl: '/mcp', get: () => origin };
  hostGuard(place)(request as never, response as never, () => {
    passed = true;
  });
  expect([passed, status]).toEqual(isLetIn ? [true, 0] : [false, 403]);
});
