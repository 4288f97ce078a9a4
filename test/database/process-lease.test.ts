import { setTimeout as sleep } from 'node:timers/promises';
import { FormerPresence } from '../../src/database/former-presence.js';
import {
  type Database,
  leaseHolderIsGone,
  openDatabase,
  ProcessLease,
} from '../../src/database/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, afterEach, beforeAll, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 6 });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});
afterEach(() => database.pool.query('TRUNCATE gateway_processes, gateway_locks'));

const isGone = async (name: string) => {
  const { rows } = await database.pool.query<{ gone: boolean }>(
    `SELECT ${leaseHolderIsGone('name')} AS gone FROM (SELECT $1::text AS name) AS holder`,
    [name],
  );
  return rows[0]?.gone;
};
/** Adds a process by what its row says; times in seconds from now. */
const add = (name: string, aliveSince: number, expiresAt: number) =>
  database.pool.query(
    `INSERT INTO gateway_processes VALUES ($1, now() + $2 * interval '1 s', now() + $3 * interval '1 s')
     ON CONFLICT (name) DO UPDATE SET alive_since = EXCLUDED.alive_since, expires_at = EXCLUDED.expires_at`,
    [name, aliveSince, expiresAt],
  );

test('a process is alive while its row is good, and gone once it has run out and another one was there all the while', async () => {
  await add('one', -100, 10);
  expect(await isGone('one')).toBe(false);
  await add('one', -100, -1);
  // Nobody says that rows were taken meanwhile: the database may have been away.
  expect(await isGone('one')).toBe(false);
  await add('other', -5, 18);
  expect(await isGone('one')).toBe(false);
  await add('other', -21, 18);
  expect(await isGone('one')).toBe(true);
  expect(await isGone('other')).toBe(false);
});

test('a row of a server with another clock is no more than one that has run out', async () => {
  await add('ahead', 3_000, 3_600);
  await add('other', 3_000, 3_600);
  expect(await isGone('ahead')).toBe(false);
  await add('other', -21, 18);
  expect(await isGone('ahead')).toBe(true);
  const lease = new ProcessLease(database);
  await add(lease.name, 3_000, 3_600);
  await lease.renew();
  const { rows } = await database.pool.query(
    `SELECT alive_since <= now() AND expires_at < now() + interval '1 minute' AS plausible
     FROM gateway_processes WHERE name = $1`,
    [lease.name],
  );
  expect(rows).toEqual([{ plausible: true }]);
  await lease.end();
});

test('a process that has come back after an outage is judged by nobody until all had the time to', async () => {
  const lease = new ProcessLease(database);
  await add(lease.name, -100, -30);
  await add('late', -100, -30);
  await lease.renew();
  expect(await isGone(lease.name)).toBe(false);
  expect(await isGone('late')).toBe(false);
  await lease.end();
});

test('one that has ended is gone at once, and so is a name that no process has', async () => {
  const lease = new ProcessLease(database);
  await lease.renew();
  expect(await isGone(lease.name)).toBe(false);
  await lease.end();
  await waitFor('the process to count as gone', () => isGone(lease.name));
  expect(await isGone('nobody')).toBe(true);
});

test('the release before finds the processes of this one where it looks, and is found there', async () => {
  const lease = new ProcessLease(database);
  await lease.renew();
  const { rows } = await database.pool.query(
    'SELECT application_name FROM pg_stat_activity WHERE application_name = $1',
    [lease.name],
  );
  expect(rows).toHaveLength(1);
  await lease.end();
  const former = await database.pool.connect();
  await former.query(`SET application_name = 'rollcall former'`);
  expect(await isGone('rollcall former')).toBe(false);
  former.release(true);
});

test('a process that ends while it opens that session, or cannot name it, keeps none', async () => {
  const own = openDatabase({ connection: testDatabase.connection, poolSize: 2 });
  for (const waitMs of [0, 1, 2, 3, 5, 8, 13, 21, 34]) {
    const presence = new FormerPresence(own.pool, 'rollcall early');
    const shown = presence.show();
    await sleep(waitMs);
    presence.end();
    // What it asks as it ends is nobody's.
    await shown.catch(() => undefined);
  }
  const nameless = new FormerPresence(own.pool, 'rollcall \0');
  await expect(nameless.show()).rejects.toThrow('invalid byte sequence');
  await waitFor('the pool to close', () => own.close().then(() => true));
});

test('a lock is one process’s at a time, of the release before too, and that of one that is gone is free', async () => {
  const [one, other] = [new ProcessLease(database), new ProcessLease(database)];
  await Promise.all([one.renew(), other.renew()]);
  let holders = 0;
  const alone = async () => {
    holders += 1;
    expect(holders).toBe(1);
    await database.pool.query('SELECT pg_sleep(0.05)');
    holders -= 1;
  };
  await Promise.all([one.withLock('name', alone), other.withLock('name', alone)]);
  await database.pool.query(`INSERT INTO gateway_locks VALUES ('name', 'rollcall gone')`);
  await one.withLock('name', alone);

  const former = await database.pool.connect();
  const key = `hashtextextended('name', 0)`;
  await former.query(`SELECT pg_advisory_lock(${key})`);
  const waiting = one.withLock('name', async () => holders);
  holders = 1;
  await database.pool.query('SELECT pg_sleep(0.1)');
  holders = 2;
  await former.query(`SELECT pg_advisory_unlock(${key})`);
  expect(await waiting).toBe(2);
  former.release(true);
  await Promise.all([one.end(), other.end()]);
});
