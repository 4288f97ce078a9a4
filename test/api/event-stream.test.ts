import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { recordEvents } from '../../src/events/index.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { startChild } from '../support/child.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';
import { readStream } from '../support/stream.js';
import { waitFor } from '../support/wait.js';

const STREAM = '/v1/events/stream?type=account.updated';
const SECOND = 1_000;

let clock: ManualClock;
let gateway: Gateway;
beforeAll(async () => {
  clock = manualClock(Date.now());
  gateway = await startGateway({ clock });
});
beforeEach(() => gateway.database.pool.query('DELETE FROM events'));
afterAll(() => gateway.stop());

const happen = async (number: number) => {
  const client = await gateway.database.pool.connect();
  await recordEvents(
    client,
    DEFAULT_TEAM_ID,
    [{ type: 'account.updated', accountId: null, data: { number } }],
    clock.now(),
  );
  client.release();
};
const numbersOf = (events: readonly { data: { data: { number: number } } }[]) =>
  events.map(({ data }) => data.data.number);

/**
 * Moves the clock on a second at a time, as streams look for news twice a second, until `work` is
 * done.
 */
async function whileTimePasses<Result>(work: Promise<Result>): Promise<Result> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  await waitFor('the stream to bring the events', () => {
    if (!isDone) clock.advance(SECOND);
    return isDone;
  });
  return done;
}

test('health warns of feeds that wait for an open transaction, and names how many hold them', async () => {
  const feeds = async () => (await gateway.root.get('/health')).body.checks.feeds;
  const open = await gateway.database.pool.connect();
  try {
    await open.query('BEGIN');
    const event = { type: 'account.updated', accountId: null, data: {} } as const;
    await recordEvents(open, DEFAULT_TEAM_ID, [event], clock.now());
    expect(await feeds()).toEqual([{ status: 'pass', observedValue: 0, observedUnit: 's' }]);
    await gateway.app.recurringJobs.runNamed('events.publish');
    clock.advance(11 * SECOND);
    expect(await feeds()).toEqual([
      {
        status: 'warn',
        output: expect.stringMatching(/written events: 1$/),
        observedValue: 11,
        observedUnit: 's',
      },
    ]);
    expect((await gateway.root.get('/health')).body.status).toBe('warn');
    expect((await gateway.root.get('/readyz')).body).toEqual({ status: 'pass' });
  } finally {
    await open.query('ROLLBACK');
    open.release();
  }
  await gateway.app.recurringJobs.runNamed('events.publish');
  expect(await feeds()).toEqual([{ status: 'pass', observedValue: 0, observedUnit: 's' }]);
});

describe('a stream in which nothing happens', () => {
  test('says every 15 seconds that it is still there', async () => {
    const stream = await readStream(gateway, STREAM);
    const begun = clock.now().getTime();
    for (let isReachable = 1; isReachable <= 3; isReachable++) {
      await waitFor(`comment number ${isReachable}`, () => {
        clock.advance(SECOND);
        return stream.comments() >= isReachable;
      });
      expect(clock.now().getTime() - begun).toBeGreaterThanOrEqual(isReachable * 15 * SECOND);
    }
    stream.close();
  });

  test('ends after an hour, so that its key is looked at again', async () => {
    const stream = await readStream(gateway, STREAM);
    clock.advance(3_000 * SECOND);
    await happen(1);
    expect(numbersOf(await whileTimePasses(stream.take(1)))).toEqual([1]);
    clock.advance(600 * SECOND);
    await stream.ended;
  });
});

describe('streams at two replicas', () => {
  test('show what either wrote; cut off at one, the reader goes on at the other and misses nothing', async () => {
    const child = await startChild(gateway, {});
    const away = await readStream({ ...gateway, url: child.url }, STREAM);
    const here = await readStream(gateway, STREAM);
    await happen(1);
    const last = (await away.take(1))[0];
    expect(last?.data.data.number).toBe(1);

    await child.kill();
    await away.ended;
    for (const number of [2, 3, 4]) await happen(number);
    const resumed = await readStream(gateway, STREAM, { 'Last-Event-ID': last?.id ?? '' });
    expect(numbersOf(await whileTimePasses(resumed.take(3)))).toEqual([2, 3, 4]);
    // The id of an event does as well as the id of a message.
    const byEvent = await readStream(gateway, STREAM, { 'Last-Event-ID': last?.data.id });
    expect(numbersOf(await whileTimePasses(byEvent.take(3)))).toEqual([2, 3, 4]);
    expect(numbersOf(await whileTimePasses(here.take(4)))).toEqual([1, 2, 3, 4]);
    for (const stream of [here, resumed, byEvent]) stream.close();
  });
});

describe('a reader that does not read', () => {
  const EVENTS = 2_000;
  const EVENT_BYTES = 20_000;

  /** Asks for the stream and takes nothing of it. */
  async function stall(): Promise<Socket> {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.pause();
    const lines = [
      `GET ${STREAM}&after=${await oldest()} HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Bearer ${gateway.root.key}`,
    ];
    socket.write(`${[...lines, 'Accept: text/event-stream'].join('\r\n')}\r\n\r\n`);
    return socket;
  }
  const oldest = async () =>
    (await gateway.database.prisma.event.findFirstOrThrow({ orderBy: { id: 'asc' } })).id;

  test('is waited for: what it has not taken stays in the database', async () => {
    await gateway.database.pool.query(
      `INSERT INTO events (id, team_id, type, data, created_at)
       SELECT 'evt_' || lpad(n::text, 10, '0'), $1, 'account.updated', jsonb_build_object('number', n, 'filler', repeat('x', $2)), now()
       FROM generate_series(0, $3) AS n`,
      [DEFAULT_TEAM_ID, EVENT_BYTES, EVENTS],
    );
    await gateway.settled();
    const stalled = await stall();
    // By the time that another has read all, whoever did not wait would have, too.
    const other = await readStream(gateway, `${STREAM}&after=${await oldest()}`);
    await other.take(EVENTS);
    other.close();
    await gateway.database.pool.query('DELETE FROM events');

    let text = '';
    let isOver = false;
    stalled.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
    });
    stalled.once('close', () => {
      isOver = true;
    });
    stalled.resume();
    await waitFor('the stream to end', () => {
      clock.advance(3_600 * SECOND);
      return isOver || text.endsWith('0\r\n\r\n');
    });
    const taken = text.match(/^id: /gm)?.length ?? 0;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(EVENTS / 2);
    stalled.destroy();
  });
});

describe('the number of streams', () => {
  test('is bounded for each key', async () => {
    const made = await gateway.root.post('/v1/keys', { name: 'streams', scopes: ['read'] });
    const client = gateway.with(made.body.data.key);
    const own = { url: gateway.url, root: client };
    const streams = [];
    for (let count = 0; count < 10; count++) streams.push(await readStream(own, STREAM));
    const refused = await client.get(STREAM, { Accept: 'text/event-stream' });
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', retry_after: 10 } });
    expect(refused.body.detail).toContain('10 streams open');
    expect((await readStream(gateway, STREAM)).close()).toBeUndefined();
    expect((await client.get('/v1/accounts')).status).toBe(200);

    for (const stream of streams) stream.close();
  });

  test('holds no HEAD: it is answered and over, and the next request on its connection is served', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const shared = [
      `Host: ${hostname}`,
      `Authorization: Bearer ${gateway.root.key}`,
      'Accept: */*',
      '',
      '',
    ].join('\r\n');
    socket.write(`HEAD ${STREAM} HTTP/1.1\r\n${shared}GET /livez HTTP/1.1\r\n${shared}`);
    await waitFor('both answers', () => text, {
      until: (come) => come.split('HTTP/1.1 200').length === 3,
    });
    expect(text).toContain('text/event-stream');
    socket.destroy();
  });

  test('does not take from the requests that a key may have under way', async () => {
    const { body } = await gateway.root.post('/v1/keys', { name: 'many', scopes: ['write'] });
    const client = gateway.with(body.data.key);
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => readStream({ url: gateway.url, root: client }, STREAM)),
    );
    const { hostname, port } = new URL(gateway.url);
    const lines = [
      'POST /v1/connect HTTP/1.1',
      `Host: ${hostname}`,
      `Authorization: Bearer ${client.key}`,
    ];
    const head = [...lines, 'Content-Type: application/json', 'Content-Length: 100'].join('\r\n');
    let refused = 0;
    // Each is under way for as long as its body does not come; one more than a key may have.
    const held = Array.from({ length: 101 }, () =>
      connect(Number(port), hostname, function (this: Socket) {
        this.write(`${head}\r\n\r\n`);
      }).once('data', () => refused++),
    );
    await waitFor(
      'each to be under way or refused',
      async () => {
        const { text } = await gateway.root.get('/metrics');
        const underWay = /^rollcall_http_requests_in_progress (\d+)$/m.exec(text)?.[1];
        return Number(underWay) - streams.length + refused;
      },
      { everyMs: 200, until: (decided) => refused > 0 && decided >= held.length },
    );
    expect(refused).toBe(1);
    expect((await client.get('/v1/accounts?limit=1')).status).toBe(429);
    for (const socket of held) socket.destroy();
    for (const stream of streams) stream.close();
  });
});
