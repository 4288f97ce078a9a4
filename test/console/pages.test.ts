import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import express from 'express';
import { consolePages } from '../../src/api/console.pages.js';
import { checkout } from '../support/checkout.js';
import { makeFolder } from '../support/folder.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { openSocket } from '../support/raw-socket.js';

const HTML = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

let gateway: Gateway;
let assets: readonly string[];
beforeAll(async () => {
  gateway = await startGateway();
  const names = await readdir(join(checkout, 'dist', 'web', 'assets'));
  assets = names.filter((name) => !/\.(br|gz)$/.test(name)).map((name) => `/assets/${name}`);
});
afterAll(() => gateway.stop());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(gateway.url + path, { headers });

/** The body as it crosses the wire. */
async function bytesOf(path: string, encodings: string) {
  const { socket, ended } = await openSocket(gateway.url);
  socket.setEncoding('latin1');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encodings}\r\nConnection: close\r\n\r\n`,
  );
  const [head = '', ...body] = (await ended).split('\r\n\r\n');
  return { head, body: Buffer.from(body.join('\r\n\r\n'), 'latin1') };
}

describe('the console', () => {
  test('is one page at / and at every address that a person opens', async () => {
    const page = await get('/');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const text = await page.text();
    expect(text).toContain('<div id="root">');
    for (const path of ['/index.html', '/accounts', '/accounts/acct_1?tab=health', '/sign-in'])
      expect([path, await (await get(path, HTML)).text()]).toEqual([path, text]);
  });

  test.each(['/v1/nothing', '/v1', '/console/nothing', '/docs/nothing', '/assets/nothing.js'])(
    'is not %s, which stays a problem for a browser too',
    async (path) => {
      const reply = await get(path, HTML);
      expect([reply.status, reply.headers.get('content-type')]).toEqual([
        404,
        'application/problem+json; charset=utf-8',
      ]);
    },
  );

  test('programs are told what is not there', async () => {
    for (const headers of [{}, { Accept: '*/*' }, { Accept: 'application/json' }])
      expect((await get('/accounts', headers)).status).toBe(404);
    const posted = await fetch(`${gateway.url}/accounts`, { method: 'POST', headers: HTML });
    expect(posted.status).toBe(404);
  });

  test('runs under a policy that allows nothing from elsewhere and no inline script', async () => {
    for (const path of ['/', ...assets]) {
      const { headers } = await get(path);
      const policy = headers.get('content-security-policy');
      expect(policy).toBe(
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';font-src 'self';manifest-src 'self';base-uri 'none';form-action 'self';frame-ancestors 'none';require-trusted-types-for 'script'",
      );
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('permissions-policy')).toContain('camera=()');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
    const page = await (await get('/')).text();
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|\bstyle=|\son\w+=/);
  });

  test('its page is asked for again each time, its files never', async () => {
    const page = await get('/');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const etag = page.headers.get('etag') ?? '';
    const again = await get('/', { 'If-None-Match': etag });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect(assets).not.toEqual([]);
    for (const asset of assets) {
      const { status, headers } = await get(asset);
      expect([asset, status, headers.get('cache-control')]).toEqual([
        asset,
        200,
        'public, max-age=31536000, immutable',
      ]);
    }
  });

  test('comes compressed as the browser takes it', async () => {
    const script = assets.find((name) => name.endsWith('.js')) ?? '';
    const plain = await bytesOf(script, 'identity');
    expect(plain.head).not.toMatch(/content-encoding/i);
    const br = await bytesOf(script, 'gzip, deflate, br');
    expect(br.head).toMatch(/^Content-Encoding: br\r?$/im);
    expect(br.head).toMatch(/^Vary: Accept-Encoding\r?$/im);
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
    const gz = await bytesOf(script, 'gzip;q=1, br;q=0');
    expect(gz.head).toMatch(/^Content-Encoding: gzip\r?$/im);
    expect(gunzipSync(gz.body).equals(plain.body)).toBe(true);
    const head = await fetch(gateway.url + script, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test.each(['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fpackage.json'])(
    'has no way out of its folder: %s',
    async (path) => {
      const { head, body } = await bytesOf(path, 'identity');
      expect(head).toMatch(/^HTTP\/1.1 40[04] /);
      expect(body.toString()).not.toContain('"rollcall"');
    },
  );
});

test('where it was not built, a page says how to build it', async () => {
  const application = express().use(consolePages(await makeFolder(), () => false));
  const server = application.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const reply = await fetch(`http://127.0.0.1:${port}/`);
  server.close();
  server.closeAllConnections();
  expect([reply.status, await reply.text()]).toEqual([
    503,
    expect.stringContaining('npm run build'),
  ]);
});
