import { type Database, isUnreachable, migrate, openDatabase } from '../../src/database/index.js';
import { requestUse } from '../../src/database/query-slots.js';
import { migrationsFolder } from '../support/database.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

/** A proxy stops forwarding and closes nothing, as one whose machine is gone: nobody is told. */
let postgres: TcpPostgres;
let proxy: TcpProxy;
let database: Database;
const POOL_SIZE = 4;
beforeAll(async () => {
  postgres = await startTcpPostgres();
  await migrate({ connectionString: postgres.url }, migrationsFolder);
  proxy = await startTcpProxy(postgres.port);
  const connectionString = postgres.url.replace(`:${postgres.port}/`, `:${proxy.port}/`);
  database = openDatabase({ connection: { connectionString }, poolSize: POOL_SIZE, waitMs: 3_000 });
});
afterAll(async () => {
  await database.close();
  await proxy.close();
  await postgres.stop();
});

/** As a request asks that has 300 ms for each statement. */
const ofRequest = <Result>(ask: () => Promise<Result>) =>
  requestUse.run(
    { team: 'team', key: 'key', statementMs: 300, isBegun: false, reads: undefined, isOver: false },
    ask,
  );
const failureOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'no failure',
    (error: unknown) => isUnreachable(error) || error,
  );

test('sessions that a proxy has silenced fail as a database that is away, and none of them is used again', async () => {
  const { pool, prisma, reachability, transaction } = database;
  await Promise.all(Array.from({ length: POOL_SIZE }, () => pool.query('SELECT pg_sleep(0.1)')));
  expect(pool.totalCount).toBe(POOL_SIZE);
  expect(await reachability.isReachable()).toBe(true);
  proxy.stopForwarding();
  const asked = [
    failureOf(ofRequest(() => pool.query('SELECT 1'))),
    failureOf(ofRequest(() => transaction(({ client }) => client.query('SELECT 1')))),
  ];
  expect(await reachability.isReachable()).toBe(false);
  expect(await Promise.all(asked)).toEqual([true, true]);
  // Nobody answers a new session either.
  expect(await failureOf(ofRequest(async () => await prisma.$queryRaw`SELECT 1`))).toBe(true);

  proxy.forwardNew();
  // Two were idle all the time: they are as silent, and are replaced before anybody asks over them.
  const again = Array.from({ length: 2 * POOL_SIZE }, () =>
    ofRequest(() => pool.query<{ one: number }>('SELECT 1 AS one')),
  );
  for (const { rows } of await Promise.all(again)) expect(rows).toEqual([{ one: 1 }]);
  await waitFor('the database to count as reachable', () => reachability.isReachable());
});
