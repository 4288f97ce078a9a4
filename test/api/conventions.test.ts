import type { Route } from '../../src/http/route.js';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { addressOfNothing, nameOf, walk } from '../support/walk.js';

/**
 * Rules for every route: they walk the route table, so a route that is added tomorrow is held to
 * them too.
 */

let gateway: Gateway;
let guarded: readonly Route[];
let writing: readonly Route[];

beforeAll(async () => {
  gateway = await startGateway();
  guarded = gateway.app.routes.filter(({ scope }) => scope !== 'public');
  writing = guarded.filter(({ method }) => method !== 'GET');
});
afterAll(() => gateway.stop());

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Asks a route with a body, or without one where it reads. */
const ask = (
  client: Client,
  route: Route,
  body: string | undefined,
  headers: Record<string, string> = JSON_TYPE,
  query = '',
) =>
  client.send(
    route.method,
    addressOfNothing(route) + query,
    route.method === 'GET' ? undefined : body,
    headers,
  );

const hasCode = (code: string) => (reply: Reply) => reply.body?.code === code;

describe('keys and scopes', () => {
  test('no route but the public ones answers without a key', async () => {
    const nobody = gateway.with(undefined);
    const isRight = (reply: Reply, { scope }: Route) =>
      reply.body?.code === 'unauthorized' &&
      reply.headers.get('www-authenticate') ===
        `Bearer realm="Rollcall", scope="${scope === 'root' ? 'admin' : scope}"`;
    expect(await walk(guarded, (route) => ask(nobody, route, '{}'), isRight)).toEqual([]);
    const open = gateway.app.routes.filter(({ scope }) => scope === 'public');
    expect(open.filter(({ path }) => path.startsWith('/v1/')).map(nameOf)).toEqual([]);
    expect(
      await walk(
        open.filter(({ method }) => method === 'GET'),
        (route) => nobody.get(addressOfNothing(route)),
        ({ status }) => status === 200,
      ),
    ).toEqual([]);
  });

  test.each([
    '',
    'Bearer',
    'Basic cm9vdA==',
    'Bearer rc_',
    `Bearer rc_${'0'.repeat(26)}_${'a'.repeat(36)}`,
  ])('the Authorization "%s" is refused', async (authorization) => {
    const reply = await gateway.with(undefined).get('/v1/whoami', { Authorization: authorization });
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });

  test('a key with one letter changed, and one that was revoked, are refused', async () => {
    const { body } = await gateway.root.post('/v1/keys', { name: 'short-lived', scopes: ['read'] });
    const { key, id } = body.data;
    expect((await gateway.with(key).get('/v1/whoami')).status).toBe(200);
    const other = key.at(-1) === 'a' ? 'b' : 'a';
    expect((await gateway.with(key.slice(0, -1) + other).get('/v1/whoami')).status).toBe(401);
    expect((await gateway.root.delete(`/v1/keys/${id}`)).status).toBe(204);
    expect((await gateway.with(key).get('/v1/whoami')).status).toBe(401);
  });

  test('every route asks for its scope', async () => {
    const ladder = ['read', 'write', 'admin', 'root'] as const;
    for (const [rung, scope] of ladder.slice(0, 3).entries()) {
      const { client } = await gateway.newTeam(`only ${scope}`, [scope]);
      const tooHigh = guarded.filter((route) => ladder.indexOf(route.scope as 'read') > rung);
      const refused = (reply: Reply, route: Route) =>
        hasCode(route.scope === 'root' ? 'forbidden' : 'insufficient_scope')(reply);
      expect(await walk(tooHigh, (route) => ask(client, route, '{}'), refused)).toEqual([]);
      const allowed = guarded.filter((route) => ladder.indexOf(route.scope as 'read') <= rung);
      expect(
        await walk(
          allowed,
          (route) => ask(client, route, '{"no":1}', JSON_TYPE, '?no=1'),
          hasCode('validation_error'),
        ),
      ).toEqual([]);
    }
  });

  test('GET needs no more than read, unless it tells of keys, teams or who did what', () => {
    const guardedReads = guarded.filter(
      ({ method, scope }) => method === 'GET' && scope !== 'read',
    );
    expect(
      guardedReads
        .map(({ path }) => path)
        .filter((path) => !/^\/v1\/(keys|sessions|teams|audit|webhooks)/.test(path)),
    ).toEqual([]);
    // Whoever is signed in may sign out.
    expect(writing.filter(({ scope }) => scope === 'read').map(nameOf)).toEqual([
      'DELETE /console/session',
    ]);
  });
});

describe('what is asked', () => {
  test('an unknown query parameter is refused by its name, and one that is given twice', async () => {
    const isNamed = (reply: Reply) =>
      hasCode('validation_error')(reply) &&
      reply.body.errors.some(({ field }: { field: string }) => field === 'no_such');
    expect(
      await walk(
        guarded,
        (route) => ask(gateway.root, route, undefined, {}, '?no_such=1'),
        isNamed,
      ),
    ).toEqual([]);
    expect(
      await walk(
        guarded,
        (route) => ask(gateway.root, route, undefined, {}, '?no_such=1&no_such=2'),
        isNamed,
      ),
    ).toEqual([]);
  });

  test('an unknown body field is refused by its name', async () => {
    const isNamed = (reply: Reply) =>
      hasCode('validation_error')(reply) &&
      reply.body.errors.some(({ field }: { field: string }) => field === 'no_such');
    expect(
      await walk(writing, (route) => ask(gateway.root, route, '{"no_such":1}'), isNamed),
    ).toEqual([]);
  });

  test.each([
    ['POST', '/v1/accounts', { platform: 5 }, 'platform: must be a string; username: is required'],
    [
      'POST',
      '/v1/keys',
      { name: 'x', scopes: ['all'] },
      'scopes.0: must be one of: read, write, admin',
    ],
    [
      'POST',
      '/v1/keys',
      { name: 'x'.repeat(101), scopes: [] },
      'name: must have at most 100 characters; scopes: must have at least 1 item',
    ],
    [
      'POST',
      '/v1/teams',
      { title: 'x' },
      'name: is required; title: unknown body field; known: name',
    ],
    ['PATCH', '/v1/accounts/acct_x', { labels: [] }, 'labels: must be an object'],
    [
      'PATCH',
      '/v1/accounts/acct_x',
      { labels: { '': 'x' } },
      'labels.: has a name that must have at least 1 character',
    ],
    ['POST', '/v1/keys', { name: 'x', scopes: 'write' }, 'scopes: must be a list'],
    [
      'POST',
      '/v1/keys',
      { name: 'x', scopes: ['read'], rate_limit: { quota: 1, window_seconds: 1, burst: 2 } },
      'rate_limit.burst: unknown body field; known: quota, window_seconds',
    ],
    [
      'GET',
      '/v1/accounts?label=x',
      undefined,
      'label: must name the key of a label: label[key]=value',
    ],
    [
      'GET',
      '/v1/accounts?label=x&label[y]=z',
      undefined,
      'label: must name the key of a label: label[key]=value',
    ],
    ['POST', '/v1/teams', [], 'must be an object'],
  ])('%s %s with %j says what to fix', async (method, path, body, detail) => {
    const reply = await gateway.root.send(method, path, JSON.stringify(body), JSON_TYPE);
    expect(reply.body).toMatchObject({ code: 'validation_error', detail });
  });

  test.each(['null', '[]', '7', '"text"', 'true', '[{}]'])(
    'the body %s is no object',
    async (body) => {
      expect(
        await walk(writing, (route) => ask(gateway.root, route, body), hasCode('validation_error')),
      ).toEqual([]);
    },
  );

  test.each(['{', '{"a":}', '{"a":1}}', "{'a':1}", 'x', '{"a":"\u0001"}'])(
    'the body %j is no JSON',
    async (body) => {
      expect(
        await walk(writing, (route) => ask(gateway.root, route, body), hasCode('bad_request')),
      ).toEqual([]);
    },
  );

  test.each([
    ['nested 100,000 levels deep', '[1]'.replace('1', '['.repeat(100_000) + ']'.repeat(100_000))],
    ['with a deep field', `{"labels":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`],
    ['with __proto__ as a name', '{"labels":{"__proto__":"x"}}'],
    ['with a name given twice', String.raw`{"no":[0,{"a":{"b":1},"c":[],"\u0061":2}]}`],
    ['with a NUL', String.raw`{"name":"a\u0000b"}`],
    ['with half a surrogate pair', String.raw`{"name":"\ud800"}`],
  ])('a body %s is refused', async (_what, body) => {
    expect(
      await walk(writing, (route) => ask(gateway.root, route, body), hasCode('validation_error')),
    ).toEqual([]);
  });

  test('a problem stays short, however long the names in a body are', async () => {
    const long = 'x'.repeat(100_000);
    const isShort = (reply: Reply) =>
      hasCode('validation_error')(reply) && reply.text.length < 10_000;
    for (const body of [
      `{"${long}":1}`,
      `{"${long}":1,"${long}":2}`,
      `{"${long}":"${String.raw`\u0000`}"}`,
      `{"${long}":{"__proto__":1}}`,
      `{"labels":{"${long}":1}}`,
    ])
      expect(await walk(writing, (route) => ask(gateway.root, route, body), isShort)).toEqual([]);
  });

  test('a body that is not JSON by its type is refused', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'multipart/form-data',
    ]) {
      const headers = { 'Content-Type': type };
      expect(
        await walk(
          writing,
          (route) => ask(gateway.root, route, '{}', headers),
          hasCode('unsupported_media_type'),
        ),
      ).toEqual([]);
    }
    const compressed = { ...JSON_TYPE, 'Content-Encoding': 'compress' };
    expect(
      await walk(
        writing,
        (route) => ask(gateway.root, route, '{}', compressed),
        hasCode('unsupported_media_type'),
      ),
    ).toEqual([]);
  });

  test('a body is UTF-8: other bytes are no JSON, and another charset is refused', async () => {
    const post = (charset: string, body: Uint8Array) =>
      fetch(`${gateway.url}/v1/teams`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${gateway.root.key}`,
          'Content-Type': `application/json; charset=${charset}`,
        },
        body: new Uint8Array(body),
      });
    for (const bytes of ['{"name":"caf\xe9"}', '{"name":"\xed\xa0\x80"}', '{"name":"\xc0\xaf"}'])
      expect((await post('utf-8', Buffer.from(bytes, 'latin1'))).status).toBe(400);
    for (const charset of ['utf-16le', 'iso-8859-1', 'us-ascii'])
      expect((await post(charset, Buffer.from('{}', 'latin1'))).status).toBe(415);
    for (const charset of ['UTF-8', '"utf-8"', 'utf8'])
      expect((await post(charset, Buffer.from('{}'))).status).toBe(422);
  });

  test('a body over 256 KiB is refused, and one of just that size is read', async () => {
    const bodyOf = (size: number) => `{"no_such":"${'x'.repeat(size - '{"no_such":""}'.length)}"}`;
    const [post] = writing;
    if (!post) throw new Error('no route writes');
    expect(
      await walk(
        writing,
        (route) => ask(gateway.root, route, bodyOf(256 * 1024 + 1)),
        hasCode('payload_too_large'),
      ),
    ).toEqual([]);
    expect((await ask(gateway.root, post, bodyOf(256 * 1024))).body.code).toBe('validation_error');
  });

  test('an Accept that JSON does not meet is refused', async () => {
    const html = { ...JSON_TYPE, Accept: 'text/html' };
    expect(
      await walk(
        guarded,
        (route) => ask(gateway.root, route, '{}', html),
        hasCode('not_acceptable'),
      ),
    ).toEqual([]);
    for (const accept of [
      '*/*',
      'application/*',
      'application/problem+json',
      'application/json; charset=utf-8',
      'application/json;charset="UTF-8"',
      'text/html, application/json;q=0.1',
    ]) {
      expect((await gateway.root.get('/v1/whoami', { Accept: accept })).status).toBe(200);
    }
  });

  test('a wrong method is refused with the right ones in Allow', async () => {
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
    for (const path of new Set(gateway.app.routes.map((route) => route.path))) {
      const here = gateway.app.routes.filter((route) => route.path === path);
      const [first] = here;
      if (!first) continue;
      const allowed = here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
      for (const method of methods.filter((candidate) => !allowed.includes(candidate))) {
        const reply = await gateway.root.send(method, addressOfNothing(first), undefined);
        expect([path, method, reply.status, reply.body?.code]).toEqual([
          path,
          method,
          405,
          'method_not_allowed',
        ]);
        expect(new Set(reply.headers.get('allow')?.split(', '))).toEqual(new Set(allowed));
      }
    }
  });

  test.each([
    '/v1',
    '/v1/',
    '/v1/nothing',
    '/v1/accounts/',
    '/V1/accounts',
    '/v1/Accounts',
    '//v1/accounts',
    '/v1/accounts/a/b/c',
    '/.env',
  ])('there is no %s', async (path) => {
    expect((await gateway.root.get(path)).body.code).toBe('not_found');
  });

  test.each(['/v1/accounts/%', '/v1/accounts/%zz', '/v1/accounts/%ff', '/v1/accounts/%ed%a0%80'])(
    'the address %s is malformed',
    async (path) => {
      expect(await gateway.root.get(path)).toMatchObject({
        status: 400,
        body: { code: 'bad_request' },
      });
    },
  );
});

describe('what is answered', () => {
  test('a sane request id is echoed, any other replaced', async () => {
    const idFor = async (id: string) =>
      (await gateway.root.get('/v1/whoami', { 'X-Request-ID': id })).headers.get('x-request-id');
    for (const id of ['a', 'trace-1.2:3_4', 'x'.repeat(128)]) expect(await idFor(id)).toBe(id);
    for (const id of ['with space', 'x'.repeat(129), '<script>', 'é'])
      expect(await idFor(id)).toMatch(/^req_[0-9a-z]{26}$/);
  });

  test('a GET carries a strong ETag, is not stored by others, and answers 304 to it', async () => {
    const first = await gateway.root.get('/v1/whoami');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[^"]+"$/);
    expect(first.headers.get('cache-control')).toBe('private, no-cache');
    for (const given of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await gateway.root.get('/v1/whoami', { 'If-None-Match': given });
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await gateway.root.get('/v1/whoami', { 'If-None-Match': '"other"' })).status).toBe(200);
    const other = await gateway.newTeam('of another tag');
    expect((await other.client.get('/v1/whoami', { 'If-None-Match': etag })).status).toBe(200);
  });

  test('no cache keeps what a GET answers without being told how', async () => {
    const reads = gateway.app.routes.filter(({ method }) => method === 'GET');
    const tells = ({ status, headers }: Reply) =>
      (status < 400 ? /^(private|public|no-store)\b/ : /^no-store$/).test(
        headers.get('cache-control') ?? '',
      );
    const ending = reads.filter(({ endpoint }) => endpoint.produces !== 'text/event-stream');
    for (const [routes, client, query] of [
      [reads, gateway.root, '?no_such=1'],
      [reads, gateway.with(undefined), ''],
      [ending, gateway.root, ''],
    ] as const)
      expect(
        await walk(routes, (route) => client.get(addressOfNothing(route) + query), tells),
      ).toEqual([]);
  });

  test('HEAD answers as GET does, without the body', async () => {
    const [get, head] = [
      await gateway.root.get('/v1/providers/outfame'),
      await gateway.root.send('HEAD', '/v1/providers/outfame', undefined),
    ];
    expect(head.status).toBe(200);
    for (const name of ['etag', 'content-type', 'content-length', 'cache-control'])
      expect(head.headers.get(name)).toBe(get.headers.get(name));
  });

  test('a key acts for another team only when it is root', async () => {
    const { id, client } = await gateway.newTeam('acted for');
    const header = { 'Rollcall-Team': id };
    expect((await gateway.root.get('/v1/whoami', header)).body.data.team).toEqual({
      id,
      name: 'acted for',
    });
    expect((await client.get('/v1/whoami', header)).status).toBe(200);
    expect((await client.get('/v1/whoami', { 'Rollcall-Team': 'team_default' })).body.code).toBe(
      'forbidden',
    );
    expect(
      (await gateway.root.get('/v1/whoami', { 'Rollcall-Team': 'team_nobody' })).body.code,
    ).toBe('not_found');
  });
});
