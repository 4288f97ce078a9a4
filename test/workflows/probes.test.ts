import pg from 'pg';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { type GatewayProcess, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

const PROBE = '/v1/accounts/outfame:acc_7Gx2kLm9Qr/probe';
/** So slow an answer that all who ask at once do so before it comes. */
const SLOW_MS = 1_000;

let postgres: TcpPostgres;
let sandbox: Sandbox;
let database: pg.Pool;
let gateways: GatewayProcess[] = [];
beforeAll(async () => {
  [postgres, sandbox] = await Promise.all([startTcpPostgres(), startSandbox({ port: 0 })]);
  database = new pg.Pool({ connectionString: postgres.url, max: 1 });
  const access = {
    OUTFAME_API_KEY: sandbox.apiKey('outfame'),
    OUTFAME_BASE_URL: sandbox.baseUrl('outfame'),
  };
  const start = () =>
    startProcess({ DATABASE_URL: postgres.url, ROLLCALL_SECRET: SECRET, ...access });
  gateways = await Promise.all([start(), start()]);
  await waitFor(
    'the account to be imported',
    async () => (await gateways[0]?.root.get('/v1/accounts/acc_7Gx2kLm9Qr'))?.status,
    { until: (status) => status === 200 },
  );
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.end('SIGTERM')));
  await database.end();
  await Promise.all([postgres.stop(), sandbox.close()]);
});

const looks = () => sandbox.provider('outfame').counts().by_operation['GET /accounts/{id}'] ?? 0;
/** Whether a process has looked since how a probe of another goes. */
const isFollowed = async (since: Date) => {
  const { rows } = await database.query(
    `SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%FROM probes WHERE account_id%' AND query_start > $1`,
    [since],
  );
  return rows.length > 0;
};

describe('probes of one account on two processes', () => {
  test('at the same time are one request to the provider', async () => {
    sandbox.provider('outfame').changeSettings({ latency_ms: SLOW_MS });
    const before = looks();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, number) => gateways[number % 2]?.root.post(PROBE)),
    );
    expect(replies.map((reply) => reply?.status)).toEqual(replies.map(() => 200));
    expect(looks()).toBe(before + 1);
  });

  test('go on in the other when the one that asks is killed', async () => {
    const [one, other] = gateways as [GatewayProcess, GatewayProcess];
    sandbox.provider('outfame').changeSettings({ latency_ms: 0 });
    sandbox
      .provider('outfame')
      .faults.add({ kind: 'hang', path: '/accounts/acc_7Gx2kLm9Qr', times: 1 });
    const before = looks();
    const cutOff = one.root.post(PROBE).catch(() => 'cut off');
    await waitFor('the first look', () => looks() > before);
    const from = new Date();
    const shared = other.root.post(PROBE);
    await waitFor('the other process to follow it', () => isFollowed(from));
    await one.end('SIGKILL');
    expect(await cutOff).toBe('cut off');
    expect((await shared).status).toBe(200);
    expect(looks()).toBe(before + 2);
  });
});
