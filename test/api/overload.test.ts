import type pg from 'pg';
import { newId } from '../../src/lib/ids.js';
import { makeKey } from '../../src/teams/key-format.js';
import type { Reply } from '../support/client.js';
import { type Gateway, type GatewaySettings, startGateway } from '../support/gateway.js';
import { afterEach, expect, test } from '../support/jest.js';
import { readStream } from '../support/stream.js';
import { waitFor } from '../support/wait.js';

const POOL_SIZE = 3;
/** That a query waits for a connection. On a busy machine the gateway's own start needs a part of it. */
const WAIT_MS = 3_000;

let gateway: Gateway;
const held: pg.PoolClient[] = [];
afterEach(async () => {
  release();
  await gateway.stop();
});

/** A gateway whose database has no connection to give, until `release`. */
async function startExhausted(settings: GatewaySettings): Promise<void> {
  gateway = await startGateway({ pool: { poolSize: POOL_SIZE }, ...settings });
  // The gateway keeps one for itself, by which others see that it lives.
  for (let left = POOL_SIZE - 1; left > 0; left--) held.push(await gateway.database.pool.connect());
}

function release(): void {
  for (const client of held.splice(0)) client.release();
}

const isRefusal = (reply: Reply, why: RegExp) =>
  reply.status === 503 &&
  reply.body.code === 'service_unavailable' &&
  why.test(reply.body.detail) &&
  reply.headers.get('retry-after') === '2';
const statusOf = async (path: string) => (await gateway.root.get(path)).status;
const recovered = () =>
  waitFor('the gateway to recover', () => statusOf('/v1/whoami'), {
    until: (status) => status === 200,
  });
const names = async () =>
  (await gateway.root.get('/v1/teams')).body.data.map(({ name }: { name: string }) => name);

test('reads that find too many queries waiting are refused at once; probes answer, writes go on, and it recovers', async () => {
  const most = 10;
  await startExhausted({ load: { waitingQueries: most, stalledMs: Number.POSITIVE_INFINITY } });
  const write = gateway.root.post('/v1/teams', { name: 'made under load' });
  await waitFor('a query to wait', () => gateway.database.pool.waitingCount > 0);
  // Requests of one key share a query for it: of keys that nobody knows each has its own.
  const reads = Array.from({ length: 100 }, () =>
    gateway.with(makeKey(newId('key'))).get('/v1/accounts'),
  );
  let refused = 0;
  for (const read of reads)
    void read.then((reply) => isRefusal(reply, /queries are waiting/) && refused++);
  await waitFor(`${100 - most} refusals`, () => refused, { until: (count) => count >= 100 - most });

  const late = gateway.root.post('/v1/teams', { name: 'begun under load' });
  const nobody = gateway.with(undefined);
  expect((await nobody.get('/livez')).status).toBe(200);
  expect(await nobody.get('/readyz')).toMatchObject({ status: 200, body: { status: 'warn' } });
  const health = (await nobody.get('/health')).body;
  expect(health).toMatchObject({
    status: 'warn',
    checks: { database: [{ status: 'pass' }], load: [{ status: 'warn' }] },
  });
  expect((await nobody.get('/metrics')).status).toBe(200);
  // The workers' own queries wait beside them.
  expect(gateway.database.pool.waitingCount).toBeLessThan(2 * most);

  release();
  const waited = (await Promise.all(reads)).filter(({ status }) => status === 401).length;
  expect([waited + refused, (await write).status, (await late).status]).toEqual([100, 201, 201]);
  await recovered();
  expect(await names()).toEqual(expect.arrayContaining(['made under load', 'begun under load']));
  expect((await nobody.get('/readyz')).body).toEqual({ status: 'pass' });
});

test('reads are refused at once while no query gets a connection, however few wait', async () => {
  await startExhausted({ load: { stalledMs: 50 } });
  const replies: Reply[] = [];
  const reads: Promise<unknown>[] = [];
  await waitFor('a read to be answered', () => {
    reads.push(gateway.root.get('/v1/accounts').then((reply) => replies.push(reply)));
    return replies.length > 0;
  });
  expect(replies.every((reply) => isRefusal(reply, /queries wait too long/))).toBe(true);
  release();
  await Promise.all(reads);
  await recovered();
});

test('whoever waited too long for a connection is answered 503, on every route', async () => {
  const patient = Number.POSITIVE_INFINITY;
  await startExhausted({
    pool: { poolSize: POOL_SIZE, waitMs: WAIT_MS },
    load: { waitingQueries: patient, stalledMs: patient },
  });
  const routes = gateway.app.routes.filter(({ scope }) => scope !== 'public');
  const replies = await Promise.all(
    routes.map(({ method, path }) =>
      gateway.root.send(
        method,
        path.replace(/\{\w+\}/g, 'acct_x'),
        method === 'GET' ? undefined : '{}',
      ),
    ),
  );
  for (const { status, body, headers } of replies) {
    expect([status, body.code, headers.get('retry-after')]).toEqual([
      503,
      'service_unavailable',
      '5',
    ]);
  }
  release();
  await recovered();
});

test('an Idempotency-Key whose request met no connection is good again once there are some', async () => {
  const patient = Number.POSITIVE_INFINITY;
  gateway = await startGateway({
    pool: { poolSize: POOL_SIZE, waitMs: WAIT_MS },
    load: { waitingQueries: patient, stalledMs: patient },
  });
  const { sandbox } = gateway;
  const asked = {
    provider: 'octopost',
    credentials: { api_key: sandbox.apiKey('octopost') },
    base_url: sandbox.baseUrl('octopost'),
  };
  const connect = () => gateway.root.post('/v1/connections', asked, { 'Idempotency-Key': 'again' });
  sandbox.provider('octopost').changeSettings({ latency_ms: 500 });
  const first = connect();
  await waitFor(
    'the provider to be asked',
    () => sandbox.provider('octopost').counts().requests > 0,
  );
  for (let left = POOL_SIZE - 1; left > 0; left--) held.push(await gateway.database.pool.connect());
  expect((await first).status).toBe(503);
  release();
  expect(await connect()).toMatchObject({ status: 201, body: { data: { provider: 'octopost' } } });
  await waitFor(
    'every sweep to finish',
    () => gateway.database.prisma.sweep.count({ where: { finishedAt: null } }),
    { until: (count) => count === 0 },
  );
});

test('reads are refused while too many requests are under way, other requests at twice as many', async () => {
  gateway = await startGateway({ load: { requests: 2 } });
  const streams = [
    await readStream(gateway, '/v1/events/stream'),
    await readStream(gateway, '/v1/events/stream'),
  ];
  // Requests whose key was not known yet may have asked for more until now.
  await waitFor('a read to be refused', () => gateway.root.get('/v1/accounts'), {
    until: (reply) => isRefusal(reply, /requests are in progress/),
  });
  expect((await gateway.root.get('/livez')).status).toBe(200);
  expect((await gateway.root.post('/v1/teams', { name: 'made beside them' })).status).toBe(201);
  for (const stream of streams) stream.close();
  await recovered();
});

test('reads of a team that has many under way are refused while the event loop is late', async () => {
  gateway = await startGateway({ load: { loopDelayMs: 100, harmlessRequests: 10 } });
  let isBusy = true;
  const keepBusy = () => {
    const end = performance.now() + 150;
    while (performance.now() < end);
    if (isBusy) setTimeout(keepBusy);
  };
  keepBusy();
  const ask = () => gateway.root.get('/v1/whoami');
  const isLate = (reply: Reply) => isRefusal(reply, /too far behind/);
  const askMany = () => Promise.all(Array.from({ length: 30 }, ask));
  const refusal = () => waitFor('a refusal', async () => (await askMany()).some(isLate));
  await refusal();
  const alone = [await ask(), await ask(), await ask()];
  expect(alone.map(({ status }) => status)).toEqual([200, 200, 200]);
  await refusal();
  isBusy = false;
  await recovered();
});
