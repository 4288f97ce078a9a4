import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/lib/clock.js';
import { isPublicAddress } from '../../src/webhooks/public-address.js';
import {
  ForbiddenAddress,
  type Resolve,
  WebhookAddresses,
} from '../../src/webhooks/webhook-address.js';
import { WebhookSender } from '../../src/webhooks/webhook-sender.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { FORBIDDEN_HOSTS, FORBIDDEN_URLS } from './forbidden.js';

/** A listener on this machine, which no webhook may reach; it counts whoever does. */
let listener: Server;
let port: number;
let reached = 0;
beforeAll(async () => {
  listener = createServer((_request, response) => response.end('reached')).listen(0);
  listener.on('connection', () => {
    reached++;
  });
  await once(listener, 'listening');
  port = (listener.address() as AddressInfo).port;
});
afterAll(() => {
  listener.close();
});

const nowhere: Resolve = async () => [];
const to = (...addresses: string[]): Resolve => {
  return async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};
const post = async (url: string, resolve: Resolve) => {
  const sender = new WebhookSender(new WebhookAddresses(false, resolve), systemClock);
  const attempt = await sender.post(url, {}, '{}');
  await sender.close();
  return attempt;
};

test('there are at least a hundred forbidden spellings', () => {
  expect(new Set([...FORBIDDEN_HOSTS, ...FORBIDDEN_URLS]).size).toBeGreaterThanOrEqual(100);
});

test.each(FORBIDDEN_HOSTS)('https://%s is refused and never connected to', async (host) => {
  const url = `https://${host}:${port}/hook`;
  await expect(new WebhookAddresses(false, nowhere).checkResolved(url)).rejects.toThrow(
    ForbiddenAddress,
  );
  expect(await post(url, nowhere)).toMatchObject({
    status: null,
    error: expect.stringContaining('The URL'),
  });
  expect(reached).toBe(0);
});

test.each(FORBIDDEN_URLS)('%s is refused', async (url) => {
  await expect(new WebhookAddresses(false, to('93.184.215.14')).checkResolved(url)).rejects.toThrow(
    ForbiddenAddress,
  );
});

test.each([
  '8.8.8.8',
  '93.184.215.14',
  '172.15.0.1',
  '172.32.0.1',
  '2606:4700:4700::1111',
  '2a00:1450:4001::8a',
])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

describe('names', () => {
  test.each([
    ['one private address', ['10.0.0.7']],
    ['a public and a private address', ['93.184.215.14', '169.254.169.254']],
    ['a mapped loopback address', ['::ffff:127.0.0.1']],
  ])('that resolve to %s are refused', async (_what, addresses) => {
    await expect(
      new WebhookAddresses(false, to(...addresses)).checkResolved('https://hooks.example.com/'),
    ).rejects.toThrow(ForbiddenAddress);
  });

  test('are checked again when they are connected to: a resolver that changes its answer gains nothing', async () => {
    let asked = 0;
    const rebinding: Resolve = async () => [
      { address: ++asked === 1 ? '93.184.215.14' : '127.0.0.1', family: 4 },
    ];
    const addresses = new WebhookAddresses(false, rebinding);
    const url = `https://rebind.example.com:${port}/hook`;
    await addresses.checkResolved(url);
    const sender = new WebhookSender(addresses, systemClock);
    expect(await sender.post(url, {}, '{}')).toMatchObject({
      status: null,
      error: 'The URL must resolve to public addresses only.',
    });
    await sender.close();
    expect([asked, reached]).toEqual([2, 0]);
  });

  test('are connected to at the address that was checked', async () => {
    let asked = 0;
    const loopbackOnce: Resolve = async () => [
      { address: ++asked === 1 ? '127.0.0.1' : '10.0.0.7', family: 4 },
    ];
    const sender = new WebhookSender(new WebhookAddresses(true, loopbackOnce), systemClock);
    expect(await sender.post(`http://localhost:${port}/`, {}, '{}')).toMatchObject({
      status: 200,
      answer: 'reached',
    });
    await sender.close();
    expect(asked).toBe(1);
    reached = 0;
  });
});

test('redirects are failures: a chain of them is not followed', async () => {
  let visits = 0;
  const redirecting = createServer((request, response) => {
    visits++;
    response
      .writeHead(307, { Location: request.url === '/1' ? '/2' : `http://127.0.0.1:${port}/hook` })
      .end();
  }).listen(0, '127.0.0.1');
  await once(redirecting, 'listening');
  const sender = new WebhookSender(new WebhookAddresses(true), systemClock);
  for (const path of ['/1', '/2']) {
    const attempt = await sender.post(
      `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}${path}`,
      {},
      '{}',
    );
    expect(attempt).toMatchObject({ status: 307, error: expect.stringContaining('redirect') });
  }
  await sender.close();
  redirecting.close();
  expect([visits, reached]).toEqual([2, 0]);
});
