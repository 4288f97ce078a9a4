import { setImmediate as nextTurn } from 'node:timers/promises';
import { Refusals } from '../../src/http/refusals.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { openSocket, readAnswer } from '../support/raw-socket.js';

/** What is refused because its team asks for too much costs the others next to nothing. */
let gateway: Gateway;
let over: Client;
let victim: Client;
beforeAll(async () => {
  gateway = await startGateway();
  const limited = {
    name: 'over',
    scopes: ['admin'],
    rate_limit: { quota: 1, window_seconds: 3600 },
  };
  const team = { 'Rollcall-Team': (await gateway.newTeam('greedy')).id };
  over = gateway.with((await gateway.root.post('/v1/keys', limited, team)).body.data.key);
  victim = (await gateway.newTeam('victim')).client;
  expect((await over.get('/v1/whoami')).status).toBe(200);
});
afterAll(() => gateway.stop());

test('a key over its limit is refused before it is looked up and before its body has come', async () => {
  const lock = await gateway.database.pool.connect();
  try {
    await lock.query('BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE');
    const refused = await over.get('/v1/accounts');
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    expect(refused.headers.get('ratelimit-policy')).toBe('"default";q=1;w=3600');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);
    const { socket, ended } = await openSocket(gateway.url);
    socket.write(
      `POST /v1/webhooks HTTP/1.1\r\nHost: rollcall\r\nAuthorization: Bearer ${over.key}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{"url":',
    );
    const { status, body } = readAnswer(await ended);
    expect([status, body.code]).toEqual([429, 'rate_limited']);
  } finally {
    await lock.query('ROLLBACK');
    lock.release();
  }
});

test('the refusals of one team wait for each other, and for no other team', async () => {
  const refusals = new Refusals();
  let told = 0;
  const many = Array.from({ length: 40 }, () => refusals.turn('greedy').then(() => told++));
  await refusals.turn('victim');
  await nextTurn();
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(40);
  await Promise.all(many);
});

test('the answers to others go before the refusals of one team', async () => {
  const order: string[] = [];
  const many = Array.from({ length: 60 }, async () => {
    expect((await over.get('/v1/accounts')).status).toBe(429);
    order.push('refused');
  });
  expect((await victim.get('/v1/whoami')).status).toBe(200);
  order.push('answered');
  await Promise.all(many);
  expect(order.at(-1)).toBe('refused');
});
