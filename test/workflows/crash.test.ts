import pg from 'pg';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { type GatewayProcess, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

/**
 * The built gateway in processes that are killed, on a PostgreSQL over TCP with a password; the
 * providers outlive them.
 */

const GENERATED = 6_000;
const OUTFAME_ACCOUNTS = GENERATED / 2 + 12;

let postgres: TcpPostgres;
let database: pg.Pool;
let sandbox: Sandbox;
let gateway: GatewayProcess;

const start = () =>
  startProcess({
    DATABASE_URL: postgres.url,
    ROLLCALL_SECRET: SECRET,
    OUTFAME_API_KEY: sandbox.apiKey('outfame'),
    OUTFAME_BASE_URL: sandbox.baseUrl('outfame'),
  });

beforeAll(async () => {
  [postgres, sandbox] = await Promise.all([
    startTcpPostgres(),
    startSandbox({ port: 0, accounts: GENERATED }),
  ]);
  database = new pg.Pool({ connectionString: postgres.url });
  // The test that crashes the server breaks these too.
  database.on('error', () => undefined);
});
beforeEach(() => sandbox.provider('outfame').faults.clear());
afterAll(async () => {
  await gateway?.end('SIGTERM');
  await database.end();
  await Promise.all([postgres.stop(), sandbox.close()]);
});

const outfame = () => sandbox.provider('outfame');
const latestSweep = async () => {
  const { rows } = await database.query('SELECT * FROM sweeps ORDER BY id DESC LIMIT 1');
  return rows[0];
};

describe('killed with -9', () => {
  test('during a sweep, it keeps what it saw, calls nothing gone, and finishes that sweep after the restart', async () => {
    outfame().faults.add({ kind: 'hang', path: '/accounts', after: 12 });
    gateway = await start();
    const imported = async () =>
      Number((await database.query('SELECT count(*) FROM accounts')).rows[0].count);
    await waitFor('500 accounts to be imported', imported, { until: (count) => count >= 500 });
    await waitFor('the provider to hang', () => outfame().faults.list()[0]?.struck === 1);
    const cutOff = await latestSweep();
    expect((await gateway.end('SIGKILL')).signal).toBe('SIGKILL');
    expect(cutOff.state).toBe('running');
    outfame().faults.clear();

    gateway = await start();
    const finished = await waitFor('the sweep to finish', latestSweep, {
      until: ({ finished_at }) => finished_at !== null,
    });
    expect(finished).toMatchObject({
      id: cutOff.id,
      state: 'succeeded',
      seen: OUTFAME_ACCOUNTS,
      vanished: 0,
      quarantined: 0,
    });
    expect(finished.added).toBeLessThan(OUTFAME_ACCOUNTS);
    const { body } = await gateway.root.get('/v1/accounts?include_total=true&limit=1');
    expect(body.pagination.total_count).toBe(OUTFAME_ACCOUNTS);
  });

  test.each([
    ['while the provider has not begun', 'hang', 'acc_aCme1Fit00'],
    ['while the provider has done it and not answered', 'slow', 'acc_aCme2Run00'],
    ['after an answer that was lost', 'lost_answer', 'acc_Pau1Sed000'],
  ] as const)(
    'during a disconnect, %s, it finishes after the restart, and the provider deletes once',
    async (_when, kind, id) => {
      outfame().faults.add({ kind, method: 'DELETE', delay_ms: 2_000, times: 1 });
      const accepted = await gateway.root.delete(`/v1/accounts/${id}`, { Prefer: 'respond-async' });
      expect(accepted.status).toBe(202);
      await waitFor('the delete', () => (outfame().counts().deletes[id]?.calls ?? 0) > 0);
      expect((await gateway.end('SIGKILL')).signal).toBe('SIGKILL');
      // Until its row runs out the killed process counts as alive, as the sweep above has shown.
      await database.query('DELETE FROM gateway_processes');

      gateway = await start();
      const finished = await waitFor(
        'the disconnect to finish',
        async () => (await gateway.root.get(`/v1/disconnects/${accepted.body.data.id}`)).body.data,
        { everyMs: 200, until: ({ finished_at }) => finished_at !== null },
      );
      expect(finished).toMatchObject({
        state: 'succeeded',
        steps: [{ outcome: 'disconnected', verified: 'absent' }],
      });
      expect(outfame().counts().deletes[id]?.effective).toBe(1);
      expect((await gateway.root.get(`/v1/accounts/${id}`)).body.data.status).toBe('disconnected');
    },
  );
});

test('no credential stands in the database in clear', async () => {
  const { rows } = await database.query(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  expect(rows.length).toBeGreaterThan(8);
  for (const { name } of rows) {
    const text = JSON.stringify((await database.query(`SELECT t::text FROM "${name}" t`)).rows);
    expect([name, text.includes(sandbox.apiKey('outfame'))]).toEqual([name, false]);
    expect([name, text.includes(Buffer.from(sandbox.apiKey('outfame')).toString('hex'))]).toEqual([
      name,
      false,
    ]);
  }
});

test('while the database is away it is alive and not ready; when it is back all is well', async () => {
  await postgres.crash();
  const readiness = async () => (await gateway.root.get('/readyz')).status;
  await waitFor('it to be not ready', readiness, { until: (status) => status === 503 });
  expect((await gateway.root.get('/livez')).status).toBe(200);
  const refused = await gateway.root.get('/v1/accounts?limit=1');
  expect(refused).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
  expect(refused.headers.get('retry-after')).toBe('5');
  await postgres.restart();
  await waitFor('it to be ready', readiness, { until: (status) => status === 200 });
  expect((await gateway.root.get('/v1/accounts?limit=1')).body.data).toHaveLength(1);
  const probed = await gateway.root.post('/v1/accounts/acc_7Gx2kLm9Qr/probe');
  expect(probed.status).toBe(200);
  const done = await gateway.root.delete('/v1/accounts/acc_Pau2Sed000');
  expect(done.body.data.state).toBe('succeeded');
});
