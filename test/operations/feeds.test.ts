import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { seededRandom } from '../../sandbox/deterministic.js';
import { recordEvents } from '../../src/events/index.js';
import { checkout } from '../support/checkout.js';
import { clientOf, patient } from '../support/client.js';
import { type GatewayProcess, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { readStream } from '../support/stream.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';
import { copyRows } from './copy-rows.js';
import { eventOf, startPager, startStreamReader, startWriter } from './feed-readers.js';

const runbook = readFileSync(join(checkout, 'docs/operations/feeds.md'), 'utf8');
const KILLS = 3;
/** Transactions that write, between two kills. */
const WRITTEN_PER_LIFE = 40;

let postgres: TcpPostgres;
let receiver: Receiver;
let database: pg.Pool;
let teamId: string;
/** Started anew in its place when one is killed. */
const replicas: GatewayProcess[] = [];
let secondServer: TcpPostgres | undefined;

/** Of an admin who may ask as often as it takes. */
let key: string | undefined;

async function start(server: Pick<TcpPostgres, 'url'>): Promise<GatewayProcess> {
  const gateway = await startProcess({
    DATABASE_URL: server.url,
    ROLLCALL_SECRET: SECRET,
    SANDBOX: 'false',
    WEBHOOKS_ALLOW_LOOPBACK: 'true',
  });
  const limit = { quota: 1_000_000, window_seconds: 60 };
  const asked = { name: 'reader', scopes: ['admin'], rate_limit: limit };
  key ??= (await gateway.root.post('/v1/keys', asked)).body.data.key;
  return { ...gateway, root: patient(clientOf(gateway.url, key)) };
}
const replica = () => replicas[0] as GatewayProcess;

beforeAll(async () => {
  [postgres, receiver] = await Promise.all([startTcpPostgres(), startReceiver()]);
  database = new pg.Pool({ connectionString: postgres.url });
  database.on('error', () => undefined);
  replicas.push(await start(postgres));
  replicas.push(...(await Promise.all([start(postgres), start(postgres)])));
  teamId = (await database.query('SELECT id FROM teams')).rows[0].id;
  await replica().root.post('/v1/webhooks', { url: receiver.url, types: ['account.updated'] });
});
afterAll(async () => {
  await Promise.all(replicas.map((one) => one.end('SIGKILL')));
  receiver?.stop();
  await database?.end();
  await Promise.all([postgres?.stop(), secondServer?.stop()]);
});

const idsOf = async (query: string): Promise<string[]> =>
  (await database.query<{ id: string }>(query)).rows.map(({ id }) => id);

/** Writes one event and says its id. */
async function write(url = postgres.url): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await recordEvents(client, teamId, [eventOf(0)], new Date());
    // Ids grow with time.
    return (await client.query('SELECT max(id) AS id FROM events')).rows[0].id;
  } finally {
    await client.end();
  }
}

/** One page of a gateway's feed. */
async function read(gateway: GatewayProcess, after: string) {
  const { status, body } = await gateway.root.get(
    `/v1/events?limit=200&after=${encodeURIComponent(after)}`,
  );
  const ids: string[] = (body?.data ?? []).map(({ id }: { id: string }) => id);
  return { status, code: body?.code, ids, next: body?.pagination?.next_cursor as string };
}

/** Reads on until an event is there. */
const readUntil = (gateway: GatewayProcess, after: string, id: string) =>
  waitFor(`the feed to show ${id}`, () => read(gateway, after).catch(() => undefined), {
    until: (page) => page?.ids.includes(id) ?? false,
  }) as ReturnType<typeof read>;

const delivered = () => receiver.received.map(({ headers }) => headers['webhook-id']);

describe('three replicas that are killed, and a database that crashes, while many write', () => {
  test('every reader sees every event once, in one order, and so does the webhook', async () => {
    const first = await write();
    const random = seededRandom(14);
    const writers = Array.from({ length: 6 }, () => startWriter(postgres.url, teamId, random));
    const readers = [
      ...Array.from({ length: 3 }, () => startPager(replicas, first, random)),
      startStreamReader(replicas, first, random),
    ];
    const written = async () =>
      Number(
        (await database.query('SELECT count(DISTINCT transaction_id) AS n FROM events')).rows[0].n,
      );
    for (let kill = 0; kill < KILLS; kill++) {
      const wanted = (await written()) + WRITTEN_PER_LIFE;
      await waitFor(`${wanted} transactions`, written, { until: (n) => n >= wanted });
      if (kill === 1) {
        await postgres.crash();
        await postgres.restart();
      }
      const place = kill % replicas.length;
      await replicas[place]?.end('SIGKILL');
      replicas[place] = await start(postgres);
    }
    await Promise.all(writers.map((writer) => writer.end()));
    const told = (await idsOf('SELECT id FROM events ORDER BY position')).slice(1);
    expect(told.length).toBeGreaterThan(KILLS * WRITTEN_PER_LIFE);
    const lengths = () => readers.map(({ seen }) => seen.length);
    await waitFor(`${told.length} events at every reader`, lengths, {
      until: (all) => all.every((length) => length >= told.length),
    });
    await Promise.all(readers.map((reader) => reader.end()));
    for (const { seen } of readers) expect(seen).toEqual(told);

    await waitFor('every delivery', () => new Set(delivered()).size, {
      until: (size) => size === told.length + 1,
    });
    const made = await idsOf('SELECT event_id AS id FROM webhook_deliveries ORDER BY event_id');
    expect(made).toEqual([first, ...told].sort());
  });
});

test('an open transaction of another database holds nothing back', async () => {
  await database.query('CREATE DATABASE stranger');
  const stranger = new pg.Client({ connectionString: postgres.url.replace(/[^/]+$/, 'stranger') });
  await stranger.connect();
  try {
    await stranger.query('BEGIN; CREATE TABLE held (id int)');
    const before = await write();
    const stream = await readStream(replica(), `/v1/events/stream?after=${before}`);
    const id = await write();
    await readUntil(replica(), before, id);
    expect((await stream.take(1))[0]?.data.id).toBe(id);
    stream.close();
    await receiver.until('the webhook', () => delivered().includes(id));
  } finally {
    await stranger.end();
  }
});

test('a transaction that writes events holds back later ones, and health and metrics tell', async () => {
  const before = await write();
  const open = new pg.Client({ connectionString: postgres.url });
  await open.connect();
  await open.query('BEGIN');
  await recordEvents(open, teamId, [eventOf(1)], new Date());
  const later = await write();
  const lag = async () =>
    (await replica().root.get('/health')).body.checks.feeds[0] as Record<string, unknown>;
  const isBehind = ({ observedValue }: Record<string, unknown>) => Number(observedValue) > 0;
  expect(await waitFor('a lag', lag, { until: isBehind })).toMatchObject({
    status: 'pass',
    observedUnit: 's',
  });
  const { text } = await replica().root.get('/metrics');
  expect(Number(/^rollcall_feed_lag_seconds (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
  expect((await read(replica(), before)).ids).toEqual([]);
  const [question = ''] = runbook.match(/(?<=```sql\n)[^`]+/) ?? [];
  const { rows } = await database.query<{ pid: number }>(question);
  const { rows: own } = await open.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  expect(rows.map(({ pid }) => pid)).toContain(own[0]?.pid);
  await open.query('COMMIT');
  await open.end();
  const { ids } = await readUntil(replica(), before, later);
  expect(ids).toHaveLength(2);
  expect(ids[1]).toBe(later);
  expect(await lag()).toMatchObject({ status: 'pass', observedValue: 0 });
});

test('a recovery to an earlier state: cursors of what it undid are refused for good, earlier ones go on', async () => {
  const kept = await write();
  const { next: early } = await readUntil(replica(), kept, await write());
  const recover = await postgres.keep();
  // The gateways have a server that was started anew, and nothing is lost.
  const undone = await write();
  const { ids, next: late } = await readUntil(replica(), early, undone);
  expect(ids).toEqual([undone]);
  const lost = await readStream(replica(), '/v1/events/stream', { 'Last-Event-ID': late });

  await recover();
  const refused = async () => (await read(replica(), late).catch(() => undefined))?.status;
  await waitFor('the cursor to be refused', refused, { until: (status) => status === 422 });
  await waitFor('the stream to end', () => lost.ended.then(() => true));
  const after: string[] = [];
  for (let count = 0; count < 3; count++) after.push(await write());
  for (const one of replicas) {
    expect(await read(one, late)).toMatchObject({ status: 422, code: 'history_rewound' });
    expect((await readUntil(one, early, after[2] ?? '')).ids).toEqual(after);
  }
  await expect(
    readStream(replica(), '/v1/events/stream', { 'Last-Event-ID': late }),
  ).rejects.toThrow('history_rewound');
  await receiver.until('the webhook', () => after.every((id) => delivered().includes(id)));
});

test('a failover: cursors go on, and those of what the standby had not received are refused', async () => {
  const standby = await postgres.startStandby();
  const follower = new pg.Pool({ connectionString: standby.url });
  const kept = await write();
  const { next: early } = await readUntil(replica(), kept, await write());
  const shown = 'SELECT max(position) AS position FROM feed_histories';
  const { position } = (await database.query(shown)).rows[0];
  await waitFor('the standby to follow', async () => (await follower.query(shown)).rows[0], {
    until: (row) => row?.position === position,
  });
  // From here on it receives nothing.
  await follower.query("ALTER SYSTEM SET primary_conninfo = ''");
  await follower.query('SELECT pg_reload_conf()');
  await waitFor('the standby to be cut off', async () => {
    const { rows } = await follower.query('SELECT FROM pg_stat_wal_receiver');
    return rows.length === 0;
  });
  await follower.end();
  const { next: late } = await readUntil(replica(), early, await write());

  await postgres.crash();
  await standby.promote();
  const moved = await start(standby);
  const id = await write(standby.url);
  expect((await readUntil(moved, early, id)).ids).toEqual([id]);
  expect(await read(moved, late)).toMatchObject({ status: 422, code: 'history_rewound' });
  await receiver.until('the webhook', () => delivered().includes(id));
  await moved.end('SIGTERM');
  await postgres.restart();
});

test('a copy of the rows in another cluster: cursors and webhooks go on', async () => {
  const seen = await write();
  const last = await write();
  const { next } = await readUntil(replica(), seen, last);
  await receiver.until('the webhook', () => delivered().includes(last));
  // What was on its way when the database crashed is delivered again, and none of that is meant here.
  const pending = () => idsOf(`SELECT id FROM webhook_deliveries WHERE state = 'pending'`);
  await waitFor('every delivery to be noted', pending, { until: ({ length }) => length === 0 });
  await Promise.all(replicas.splice(0).map((one) => one.end('SIGTERM')));
  const second = await startTcpPostgres();
  secondServer = second;
  const copied = await start(second);
  await copied.end('SIGTERM');
  await copyRows(database, second.url);
  const other = new pg.Pool({ connectionString: second.url });
  const { rows } = await other.query(
    'SELECT pg_current_xact_id()::text::bigint < max(transaction_id) AS is_behind FROM events',
  );
  expect(rows[0].is_behind).toBe(true);
  await other.end();

  const count = receiver.received.length;
  replicas.push(await start(second));
  const id = await write(second.url);
  expect((await readUntil(replica(), next, id)).ids).toEqual([id]);
  await receiver.until('the webhook', () => delivered().includes(id));
  expect(delivered().slice(count)).toEqual([id]);
});
