import { once } from 'node:events';
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { AnswerCache } from '../../src/http/answer-cache.js';
import type { Caller } from '../../src/http/caller.js';
import { codingFor, etagUnpacked } from '../../src/http/content-coding.js';
import { SharedQuestions } from '../../src/lib/shared-questions.js';
import type { Client } from '../support/client.js';
import { type Gateway, GENEROUS, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

const LIST = '/v1/accounts?limit=50';

let gateway: Gateway;
let client: Client;
let teamId: string;
let ids: string[];
beforeAll(async () => {
  gateway = await startGateway({ rateLimit: GENEROUS });
  const team = await gateway.newTeam('pollers');
  client = team.client;
  teamId = team.id;
  await gateway.connect('outfame', team.id);
  ids = (await client.get(LIST)).body.data.map(({ id }: { id: string }) => id);
});
afterAll(() => gateway.stop());

interface Bytes {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** As it stands on the wire: `fetch` unpacks. */
async function ask(path: string, headers: Record<string, string> = {}): Promise<Bytes> {
  const sent = request(gateway.url + path, {
    headers: { authorization: `Bearer ${client.key}`, ...headers },
  }).end();
  const [answer] = await once(sent, 'response');
  const chunks: Buffer[] = await answer.toArray();
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) };
}

/** Asked for the second time, and what was sent the first time. */
const asUsual = async (path: string, headers?: Record<string, string>) => [
  await ask(path, headers),
  await ask(path, headers),
];

const OF_ITS_OWN = ['x-request-id', 'date'];
const COUNTED = ['ratelimit', 'x-ratelimit-remaining', 'x-ratelimit-reset'];

describe('a read that is repeated', () => {
  test.each([LIST, '/v1/accounts/health?limit=2', '/v1/connections', '/v1/accounts/{id}'])(
    '%s is answered as the first one, header by header',
    async (path) => {
      const address = path.replace('{id}', ids[0] ?? '');
      const [first, second] = (await asUsual(address)) as [Bytes, Bytes];
      const names = Object.keys(first.headers).sort();
      expect(Object.keys(second.headers).sort()).toEqual(names);
      for (const name of names.filter((one) => ![...OF_ITS_OWN, ...COUNTED].includes(one)))
        expect([name, second.headers[name]]).toEqual([name, first.headers[name]]);
      expect(second.body.equals(first.body)).toBe(true);
      for (const name of COUNTED) expect(second.headers[name]).toBeDefined();
    },
  );

  test('counts against the key, echoes a sane request id and replaces any other', async () => {
    const [first, second] = (await asUsual(LIST, { 'x-request-id': 'mine-1' })) as [Bytes, Bytes];
    const left = ({ headers }: Bytes) => Number(headers['x-ratelimit-remaining']);
    expect(left(second)).toBe(left(first) - 1);
    expect(second.headers['x-request-id']).toBe('mine-1');
    expect((await ask(LIST, { 'x-request-id': 'not sane' })).headers['x-request-id']).toMatch(
      /^req_/,
    );
  });

  test('shows what was written before it, one account and list alike', async () => {
    const path = `/v1/accounts/${ids[1]}`;
    const labelIn = ({ body }: Bytes) => JSON.parse(body.toString());
    for (let turn = 0; turn < 10; turn++) {
      const labels = { turn: String(turn) };
      expect((await client.patch(path, { labels })).status).toBe(200);
      const [one, list] = await Promise.all([ask(path), ask(LIST)]);
      expect(labelIn(one as Bytes).data.labels).toEqual(labels);
      const shown = labelIn(list as Bytes).data.find(({ id }: { id: string }) => id === ids[1]);
      expect(shown.labels).toEqual(labels);
    }
  });

  test('is refused as soon as its key is revoked', async () => {
    const made = await client.post('/v1/keys', { name: 'short', scopes: ['read'] });
    const headers = { authorization: `Bearer ${made.body.data.key}` };
    const [, second] = (await asUsual(LIST, headers)) as [Bytes, Bytes];
    expect(second.status).toBe(200);
    expect((await client.delete(`/v1/keys/${made.body.data.id}`)).status).toBeLessThan(300);
    const after = await ask(LIST, headers);
    expect([after.status, JSON.parse(after.body.toString()).code]).toEqual([401, 'unauthorized']);
    expect(after.headers['content-type']).toMatch('application/problem+json');
  });

  test('of a key that sees fewer providers shows no more than that', async () => {
    const narrow = await client.post('/v1/keys', {
      name: 'narrow',
      scopes: ['read'],
      providers: ['creatoraudit'],
    });
    await asUsual(LIST);
    const headers = { authorization: `Bearer ${narrow.body.data.key}` };
    for (const { body } of await asUsual(LIST, headers))
      expect(JSON.parse(body.toString()).data).toEqual([]);
  });

  test('of another team at the same address is its own', async () => {
    const other = await gateway.newTeam('others');
    await asUsual(LIST);
    const headers = { authorization: `Bearer ${other.client.key}` };
    for (const { body } of await asUsual(LIST, headers))
      expect(JSON.parse(body.toString()).data).toEqual([]);
    expect(other.id).not.toBe(teamId);
  });

  test('that an Accept does not meet is 406 after one that was met', async () => {
    await asUsual(LIST);
    expect((await ask(LIST, { accept: 'image/png' })).status).toBe(406);
  });

  test('whose caller goes away before the answer leaves nothing under way', async () => {
    const held = await gateway.database.pool.connect();
    const path = '/v1/accounts?limit=3';
    const underWay = async () => {
      const { body } = await ask('/metrics');
      return Number(/^rollcall_http_requests_in_progress (\d+)$/m.exec(body.toString())?.[1]);
    };
    try {
      await held.query('BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE');
      const headers = { authorization: `Bearer ${client.key}` };
      // As many as a key may have under way at once.
      const gone = Array.from({ length: 100 }, () =>
        request(gateway.url + path, { headers })
          .on('error', () => undefined)
          .end(),
      );
      await waitFor('the requests to have come', underWay, {
        until: (count) => count === gone.length,
      });
      for (const one of gone) one.destroy();
      await waitFor('their callers to be gone', underWay, {
        until: (count) => count === 0,
      });
    } finally {
      await held.query('ROLLBACK');
      held.release();
    }
    await waitFor('the key to have room', () => ask(path), {
      everyMs: 200,
      until: ({ status }) => status === 200,
    });
    // Each one that was counted and never freed would be one less.
    const all = await Promise.all(Array.from({ length: 60 }, () => ask(path)));
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
  });
});

describe('Accept-Encoding', () => {
  test.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['br', 'br'],
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate', 'gzip'],
    ['x-gzip', 'gzip'],
    ['BR;q=0.1, GZip ; q = 0.8', 'gzip'],
    ['br;q=0, gzip;q=0', 'identity'],
    ['br;q=0.5, identity', 'identity'],
    ['identity;q=0.5, *;q=0.5', 'br'],
    ['*', 'br'],
    ['*;q=0', undefined],
    ['identity;q=0', undefined],
    ['identity;q=0, gzip', 'gzip'],
    ['br;q=2', 'identity'],
    ['zstd', 'identity'],
  ])('%j is answered with %j', (given, coding) => {
    expect(codingFor(given)).toBe(coding);
  });

  test('packs a page once for each coding, with an ETag of its own that all are known by', async () => {
    const plain = await ask(LIST);
    const text = plain.body.toString();
    expect(plain.headers.vary).toContain('Accept-Encoding');
    for (const [coding, unpack] of [
      ['gzip', gunzipSync],
      ['br', brotliDecompressSync],
    ] as const)
      for (const packed of await asUsual(LIST, { 'accept-encoding': coding })) {
        expect(packed.headers['content-encoding']).toBe(coding);
        expect(packed.headers.vary).toContain('Accept-Encoding');
        expect(Number(packed.headers['content-length'])).toBe(packed.body.length);
        expect(unpack(packed.body).toString()).toBe(text);
        const etag = String(packed.headers.etag);
        expect(etag).not.toBe(plain.headers.etag);
        expect(etagUnpacked(etag)).toBe(plain.headers.etag);
        for (const headers of [{ 'accept-encoding': coding }, {}]) {
          const again = await ask(LIST, { ...headers, 'if-none-match': `"x", W/${etag}` });
          expect([again.status, again.headers.etag, again.body.length]).toEqual([304, etag, 0]);
          expect(again.headers.vary).toContain('Accept-Encoding');
        }
      }
  });

  test('holds for what is not kept, and leaves short answers and streams as they are', async () => {
    const document = await ask('/openapi.json', { 'accept-encoding': 'br' });
    expect(document.headers['content-encoding']).toBe('br');
    expect(JSON.parse(brotliDecompressSync(document.body).toString()).openapi).toMatch(/^3/);
    const short = await ask('/v1/whoami', { 'accept-encoding': 'br' });
    expect(short.headers['content-encoding']).toBeUndefined();
    const forced = await ask('/v1/whoami', { 'accept-encoding': 'br, identity;q=0' });
    expect(forced.headers['content-encoding']).toBe('br');
    expect((await ask('/v1/whoami', { 'accept-encoding': '*;q=0' })).status).toBe(406);
  });

  test('If-Match takes the ETag of packed bytes', async () => {
    const path = `/v1/accounts/${ids[2]}`;
    const { headers } = await ask(path, { 'accept-encoding': 'br' });
    expect(headers['content-encoding']).toBe('br');
    const condition = { 'If-Match': String(headers.etag) };
    expect((await client.patch(path, { labels: { a: '1' } }, condition)).status).toBe(200);
    expect((await client.patch(path, { labels: { a: '2' } }, condition)).status).toBe(412);
  });
});

describe('shared questions', () => {
  test('are never answered with what was asked before, and few are asked', async () => {
    let truth = 0;
    let asked = 0;
    const questions = new SharedQuestions(async () => {
      asked += 1;
      const read = truth;
      await new Promise(setImmediate);
      return read;
    });
    const answers: Promise<void>[] = [];
    for (let turn = 0; turn < 200; turn++) {
      truth += 1;
      const written = truth;
      answers.push(
        questions.answer('key').then((read) => expect(read).toBeGreaterThanOrEqual(written)),
      );
      if (turn % 7 === 0) await new Promise(setImmediate);
    }
    await Promise.all(answers);
    expect(asked).toBeLessThan(100);
  });

  test('that fail, fail for those who share them, and are asked again', async () => {
    let asked = 0;
    const questions = new SharedQuestions(async () => {
      asked += 1;
      if (asked === 1) throw new Error('away');
      return asked;
    });
    const both = await Promise.allSettled([questions.answer('key'), questions.answer('key')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await questions.answer('key')).toBe(2);
  });
});

describe('a list whose address was never asked for', () => {
  /** A time before everything, and another one each time. */
  let asked = 0;
  const anew = (path = LIST) => `${path}&updated_since=${new Date(1e12 + asked++).toISOString()}`;

  test.each([
    '/v1/accounts?limit=3',
    '/v1/accounts/health?limit=3',
    '/v1/accounts?limit=3&label[a]=b',
  ])('%s is answered as the usual way does, header by header', async (path) => {
    const address = anew(path);
    const short = await ask(address);
    // What has a cookie goes the usual way.
    const usual = await ask(address, { cookie: 'unknown=1' });
    const names = Object.keys(usual.headers).sort();
    expect(Object.keys(short.headers).sort()).toEqual(names);
    for (const name of names.filter((one) => ![...OF_ITS_OWN, ...COUNTED].includes(one)))
      expect([name, short.headers[name]]).toEqual([name, usual.headers[name]]);
    expect(short.body.equals(usual.body)).toBe(true);
    expect(short.status).toBe(200);
  });

  test('is refused as the usual way does', async () => {
    for (const wrong of ['&limit=1', '&updated_since=then', '&unknown=1', '&q=%00']) {
      const address = `${LIST}${wrong}`;
      const short = await ask(address);
      const usual = await ask(address, { cookie: 'unknown=1' });
      const { request_id: _one, ...problem } = JSON.parse(short.body.toString());
      const { request_id: _other, ...expected } = JSON.parse(usual.body.toString());
      expect([short.status, problem]).toEqual([422, expected]);
    }
  });

  test('shows what was written before it, though most documents are known', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const id = ids[turn % 3];
      const labels = { turn: `${turn}; "x": 1`, 'a key': 'b' };
      expect((await client.patch(`/v1/accounts/${id}`, { labels })).status).toBe(200);
      const body = (await ask(anew())).body.toString();
      expect(body).toBe(JSON.stringify(JSON.parse(body)));
      const shown = JSON.parse(body).data.find((one: { id: string }) => one.id === id);
      expect(shown.labels).toMatchObject(labels);
      expect(shown).toEqual((await client.get(`/v1/accounts/${id}`)).body.data);
    }
  });

  test('shows a restricted key and another team no more than theirs', async () => {
    for (let turn = 0; turn < 4; turn++) await ask(anew());
    const providers = ['creatoraudit'];
    const made = await client.post('/v1/keys', { name: 'narrow', scopes: ['read'], providers });
    const other = await gateway.newTeam('strangers');
    for (const key of [made.body.data.key, other.client.key])
      for (let turn = 0; turn < 4; turn++) {
        const { body } = await ask(anew(), { authorization: `Bearer ${key}` });
        expect(JSON.parse(body.toString()).data).toEqual([]);
      }
  });

  test('is of one moment while accounts leave its filter', async () => {
    const path = '/v1/accounts?limit=50&label[flag]=up';
    const turns = Array.from({ length: 30 }, (_, turn) => turn);
    const write = async () => {
      for (const turn of turns)
        await client.patch(`/v1/accounts/${ids[turn % 3]}`, {
          labels: { flag: turn % 2 === 0 ? 'up' : 'down' },
        });
    };
    const read = async () => {
      for (const _ of turns) {
        const { body } = await ask(anew(path));
        for (const { labels } of JSON.parse(body.toString()).data) expect(labels.flag).toBe('up');
      }
    };
    await Promise.all([write(), read(), read()]);
  });
});

test('of the answers to one question the newest alone is kept', async () => {
  const answers = new AnswerCache();
  const askTwice = async (version: string, search: string, team = 'team_default') => {
    const asked = {
      caller: { teamId: team } as Caller,
      url: '/v1/accounts',
      search: new URLSearchParams(search),
    };
    for (const _time of ['first', 'second'])
      await answers.make({ isVersioned: true }, version, asked, async () => ({
        status: 200,
        body: { version },
      }));
  };
  await askTwice('"a page"', 'limit=1');
  await askTwice('"another page"', 'limit=2');
  await askTwice('"another team\'s"', 'limit=1', 'team_other');
  await askTwice('"the page, later"', 'limit=1');
  const kept = (version: string) => answers.known(version)?.etag;
  expect(kept('"a page"')).toBeUndefined();
  expect(kept('"the page, later"')).toBe('"the page, later"');
  expect(kept('"another page"')).toBe('"another page"');
  expect(kept('"another team\'s"')).toBe('"another team\'s"');
});
