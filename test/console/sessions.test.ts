import type { LogFields, Logger } from '../../src/lib/logger.js';
import { makeKey } from '../../src/teams/key-format.js';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { openSocket } from '../support/raw-socket.js';

const HOUR_MS = 3_600_000;
const OWN = { 'Sec-Fetch-Site': 'same-origin' };
const clock = shiftedClock();
const warned: string[] = [];
const logged: string[] = [];
const log = (message: string, fields?: LogFields) => {
  logged.push(JSON.stringify([message, fields]));
};
const warn = (message: string, fields?: LogFields) => {
  log(message, fields);
  warned.push(message);
};
const logger: Logger = { error: log, warn, info: log, debug: log };

let gateway: Gateway;
let nobody: Client;
beforeAll(async () => {
  gateway = await startGateway({ clock, logger });
  nobody = gateway.with(undefined);
});
afterAll(() => gateway.stop());

/** A key of the default team, and its id. */
const newKey = async (request: object = {}) => {
  const { body } = await gateway.root.post('/v1/keys', {
    name: 'operations',
    scopes: ['admin'],
    ...request,
  });
  return body.data as { readonly id: string; readonly key: string };
};
const signIn = (key: string, headers: Record<string, string> = {}) =>
  nobody.post('/console/session', { key }, headers);
const cookieOf = (reply: Reply) => {
  expect(reply.status).toBe(201);
  return String(reply.headers.get('set-cookie')?.split(';')[0]);
};
/** A browser that is signed in, with what it sends. */
const browser = async (request: object = {}) => {
  const { id, key } = await newKey(request);
  const reply = await signIn(key, { 'User-Agent': 'Firefox' });
  return { keyId: id, key, sessionId: reply.body.data.id, headers: { Cookie: cookieOf(reply) } };
};
const auditOf = async (id: string) => {
  const { body } = await gateway.root.get('/v1/audit?limit=200');
  return body.data.flatMap((entry: { target: { id: string }; action: string }) =>
    entry.target.id === id ? [entry.action] : [],
  );
};

describe('signing in', () => {
  test('exchanges a key for a cookie that scripts cannot read and other sites do not send', async () => {
    const { id, key } = await newKey({ scopes: ['read'] });
    const reply = await signIn(key);
    expect(reply.headers.get('set-cookie')).toMatch(
      /^__Host-rollcall=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(reply.headers.get('cache-control')).toBe('no-store');
    const headers = { Cookie: cookieOf(reply) };
    const own = await nobody.get('/console/session', headers);
    expect(own.body).toEqual(reply.body);
    expect(own.body.data).toMatchObject({
      team: { id: 'team_default', name: 'default' },
      key: { id, name: 'operations', scopes: ['read'], is_root: false },
      is_current: true,
    });
    const { created_at, expires_at } = own.body.data;
    expect(Date.parse(expires_at) - Date.parse(created_at)).toBe(12 * HOUR_MS);
    expect((await nobody.get('/v1/whoami', headers)).body.data.key.id).toBe(id);
  });

  test('keeps neither key nor cookie: not in the database, not in the log', async () => {
    const { key, headers } = await browser();
    const token = headers.Cookie.split('=')[1] ?? '';
    const { rows } = await gateway.database.pool.query(
      `SELECT row_to_json(s)::text || encode(s.token_hash, 'escape') AS text
       FROM console_sessions s UNION ALL SELECT row_to_json(e)::text FROM audit_events e`,
    );
    const kept = [...rows.map(({ text }) => text), ...logged].join('\n');
    expect(kept).toContain('console.signed_in');
    expect([kept.includes(token), kept.includes(key)]).toEqual([false, false]);
  });

  test('answers the same to whatever is wrong, and asks for patience after ten attempts', async () => {
    const gone = await newKey();
    await gateway.root.delete(`/v1/keys/${gone.id}`);
    const wrong = [gone.key, makeKey('key_01k9z3m8q4v7x2c5n6b8a1s3d4'), 'rc_nonsense', 'x'];
    const answers = new Set<string>();
    for (const key of wrong) {
      const { status, body } = await signIn(key);
      answers.add(JSON.stringify([status, body.code, body.detail, body.errors]));
    }
    expect([...answers]).toEqual([expect.stringContaining('[401,"unauthorized","')]);
    for (let attempt = wrong.length; attempt < 10; attempt++) await signIn('x');
    const { key } = await newKey();
    expect(await signIn(key)).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    clock.advance(60_000);
    expect((await signIn(key)).status).toBe(201);
  });

  test('is slowed down for each key, whichever address it is tried from', async () => {
    const behindProxy = await startGateway({ trustProxy: true });
    try {
      const id = 'key_01k9z3m8q4v7x2c5n6b8a1s3d4';
      const attempt = (n: number, key: string) =>
        behindProxy
          .with(undefined)
          .post('/console/session', { key }, { 'X-Forwarded-For': `10.0.0.1, 2001:db8:0:${n}::1` });
      const statuses = [];
      for (let n = 0; n < 21; n++) statuses.push((await attempt(n, makeKey(id))).status);
      expect(statuses).toEqual([...Array(20).fill(401), 429]);
      // What stands before the last address is the caller's own word.
      for (let n = 0; n < 10; n++) await attempt(99, 'x');
      expect((await attempt(99, 'x')).status).toBe(429);
      expect((await attempt(98, 'x')).status).toBe(401);
    } finally {
      await behindProxy.stop();
    }
  });

  test('from plain http elsewhere than on this machine sets a plain cookie, and warns', async () => {
    const { key } = await newKey();
    const ask = async (lines: readonly string[], body = '') => {
      const { socket, ended } = await openSocket(gateway.url);
      const head = [...lines, 'Host: rollcall.example', `Content-Length: ${body.length}`];
      socket.write(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`);
      return ended;
    };
    warned.length = 0;
    const post = ['POST /console/session HTTP/1.1', 'Content-Type: application/json'];
    const answer = await ask(post, JSON.stringify({ key }));
    const [, cookie = ''] = /Set-Cookie: (rollcall=[\w-]{43});/.exec(answer) ?? [];
    expect(answer).not.toMatch(/Set-Cookie:.*Secure/);
    expect(warned).toEqual([expect.stringContaining('in clear')]);
    expect(await ask(['GET /v1/whoami HTTP/1.1', `Cookie: ${cookie}`])).toMatch(/^HTTP\/1.1 200 /);
    // Over a secure channel the plain name may be another host's doing.
    expect((await nobody.get('/v1/whoami', { Cookie: cookie })).status).toBe(401);
  });

  test('anew ends the session that the browser had', async () => {
    const { key, headers, sessionId } = await browser();
    const again = cookieOf(await signIn(key, headers));
    expect(again).not.toBe(headers.Cookie);
    expect((await nobody.get('/v1/whoami', headers)).status).toBe(401);
    expect((await nobody.get('/v1/whoami', { Cookie: again })).status).toBe(200);
    expect(await auditOf(sessionId)).toEqual(['console.signed_out', 'console.signed_in']);
  });

  test('takes one link once, for the key of the root', async () => {
    const link = await gateway.app.signInLink();
    const use = () => nobody.post('/console/session', { link });
    const first = await use();
    expect(first.body.data.key).toMatchObject({ is_root: true, scopes: ['admin'] });
    expect((await use()).status).toBe(401);
    const late = await gateway.app.signInLink();
    clock.advance(10 * 60_000);
    expect((await nobody.post('/console/session', { link: late })).status).toBe(401);
  });

  test.each([{}, { key: 'x', link: 'y' }, { key: 1 }, { no: 1 }])(
    'is refused as invalid: %j',
    async (body) => {
      expect((await nobody.post('/console/session', body)).status).toBe(422);
    },
  );
});

describe('a cookie', () => {
  test('changes nothing at the word of a page of another origin', async () => {
    const { headers } = await browser();
    const { host, origin } = new URL(gateway.url);
    const write = async (more: Record<string, string>) =>
      (await nobody.post('/v1/keys', { name: 'n', scopes: ['read'] }, { ...headers, ...more }))
        .status;
    for (const allowed of [
      OWN,
      { 'Sec-Fetch-Site': 'none' },
      { Origin: origin },
      { ...OWN, Origin: 'https://proxied.example' },
    ])
      expect([allowed, await write(allowed)]).toEqual([allowed, 201]);
    for (const refused of [
      {},
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { 'Sec-Fetch-Site': 'cross-site', Origin: origin },
      { Origin: 'null' },
      { Origin: `http://${host}.evil.example` },
      { Origin: 'http://127.0.0.1' },
    ])
      expect([refused, await write(refused)]).toEqual([refused, 403]);
    const text = { ...headers, ...OWN, 'Content-Type': 'text/plain' };
    expect((await nobody.send('POST', '/v1/keys', '{}', text)).status).toBe(415);
  });

  test('signs in at the word of no other page either', async () => {
    const { key } = await newKey();
    expect((await signIn(key, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
    expect((await signIn(key, OWN)).status).toBe(201);
  });

  test('is looked at after a key, which must be its own', async () => {
    const { key, headers } = await browser({ scopes: ['read'] });
    const both = (with_: string) => gateway.with(with_).get('/v1/whoami', headers);
    expect((await both(key)).status).toBe(200);
    expect(await both(String(gateway.root.key))).toMatchObject({
      status: 400,
      body: { code: 'bad_request' },
    });
    expect((await both('rc_nonsense')).status).toBe(401);
    const dead = { Cookie: `__Host-rollcall=${'x'.repeat(43)}` };
    expect((await gateway.root.get('/v1/whoami', dead)).status).toBe(200);
    // A key needs no word of a browser.
    expect((await gateway.with(key).post('/v1/keys', {}, headers)).body.code).toBe(
      'insufficient_scope',
    );
    expect((await gateway.root.get('/console/session')).status).toBe(404);
  });

  test.each([
    '',
    '__Host-rollcall=',
    '__Host-rollcall=x',
    'rollcall=x; other=1',
    '__Host-rollcall',
  ])('that is none is refused like no key: "%s"', async (cookie) => {
    const reply = await nobody.get('/v1/whoami', { Cookie: cookie });
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });
});

describe('a session ends', () => {
  const isOver = async (headers: Record<string, string>) =>
    (await nobody.get('/v1/whoami', headers)).status === 401;

  test('when its browser signs out', async () => {
    const { headers, sessionId } = await browser();
    const reply = await nobody.delete('/console/session', { ...headers, ...OWN });
    expect(reply.status).toBe(204);
    expect(reply.headers.get('set-cookie')).toMatch(/^__Host-rollcall=; Path=\/; Max-Age=0;/);
    expect(await isOver(headers)).toBe(true);
    expect(await auditOf(sessionId)).toEqual(['console.signed_out', 'console.signed_in']);
  });

  test('with its key', async () => {
    const { headers, keyId } = await browser();
    await gateway.root.delete(`/v1/keys/${keyId}`);
    expect(await isOver(headers)).toBe(true);
    const expiring = await browser({
      expires_at: new Date(clock.now().getTime() + HOUR_MS).toISOString(),
    });
    expect(await isOver(expiring.headers)).toBe(false);
    clock.advance(HOUR_MS);
    expect(await isOver(expiring.headers)).toBe(true);
  });

  test('after 12 hours without use, and after 7 days of use', async () => {
    const [idle, used] = [await browser(), await browser()];
    const days = 7 * 24;
    for (let hours = 11; hours < days; hours += 11) {
      clock.advance(11 * HOUR_MS);
      expect([hours, await isOver(used.headers)]).toEqual([hours, false]);
      if (hours > 11) expect(await isOver(idle.headers)).toBe(true);
    }
    clock.advance((days % 11) * HOUR_MS);
    expect(await isOver(used.headers)).toBe(true);
    await gateway.app.recurringJobs.runNamed('sessions.expire');
    const { rows } = await gateway.database.pool.query(
      'SELECT id FROM console_sessions WHERE id = ANY($1)',
      [[idle.sessionId, used.sessionId]],
    );
    expect(rows).toEqual([]);
  });

  test('is listed to administrators, who end it; its stream ends with it', async () => {
    const { headers, sessionId, keyId } = await browser({ scopes: ['read'] });
    const admin = await browser();
    const { body } = await nobody.get('/v1/sessions?limit=200', admin.headers);
    const listed = new Map(body.data.map((one: { id: string }) => [one.id, one]));
    expect(listed.get(sessionId)).toMatchObject({
      key: { id: keyId, name: 'operations' },
      user_agent: 'Firefox',
      is_current: false,
    });
    expect(listed.get(admin.sessionId)).toMatchObject({ is_current: true });
    const stream = await fetch(`${gateway.url}/v1/events/stream`, { headers });
    expect(stream.status).toBe(200);
    expect((await nobody.delete(`/v1/sessions/${sessionId}`, headers)).status).toBe(403);
    const end = { ...admin.headers, ...OWN };
    expect((await nobody.delete(`/v1/sessions/${sessionId}`, end)).status).toBe(204);
    expect((await nobody.delete(`/v1/sessions/${sessionId}`, end)).status).toBe(404);
    expect(await isOver(headers)).toBe(true);
    await stream.text();
  });

  test('is nobody else’s: not another team’s, nor root’s, nor of a key that sees more', async () => {
    const root = await nobody.post('/console/session', { link: await gateway.app.signInLink() });
    const wide = await browser();
    const narrow = gateway.with((await newKey({ providers: ['outfame'] })).key);
    const other = (await gateway.newTeam('another')).client;
    const admin = gateway.with((await newKey()).key);
    for (const [client, id] of [
      [other, wide.sessionId],
      [narrow, wide.sessionId],
      [admin, root.body.data.id],
    ] as const) {
      const { body } = await client.get('/v1/sessions?limit=200');
      expect(body.data.map((one: { id: string }) => one.id)).not.toContain(id);
      expect((await client.delete(`/v1/sessions/${id}`)).status).toBe(404);
    }
  });

  test('when there are fifty newer ones of its key', async () => {
    const { key, headers } = await browser();
    const newest = [];
    for (let n = 0; n < 50; n++) {
      clock.advance(1);
      newest.push(cookieOf(await signIn(key)));
    }
    expect(await isOver(headers)).toBe(true);
    expect(await isOver({ Cookie: newest[0] ?? '' })).toBe(false);
  });
});
