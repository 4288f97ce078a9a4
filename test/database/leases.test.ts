import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { ProbesRepository } from '../../src/accounts/probes.repository.js';
import {
  type Database,
  type DatabaseConnection,
  migrate,
  openDatabase,
} from '../../src/database/index.js';
import { IdempotencyRepository } from '../../src/http/idempotency.repository.js';
import { createTestDatabase, migrationsFolder, type TestDatabase } from '../support/database.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { afterAll, beforeAll, describe, expect, it } from '../support/jest.js';

const MIGRATION = '20261126152700_leased_by';
const NOW = new Date('2026-11-26T16:00:00Z');
const TOMORROW = new Date('2026-11-27T16:00:00Z');
const FINGERPRINT = Buffer.from('fingerprint');

/** The statements of the release before, which runs beside this one during an upgrade. */
const FORMER = {
  take: `INSERT INTO idempotency_keys AS k (team_id, key_id, key, fingerprint, held_by, expires_at) VALUES ($1, $2, $3, $4, $5, $7)
    ON CONFLICT (team_id, key_id, key) DO UPDATE
      SET fingerprint = EXCLUDED.fingerprint, held_by = EXCLUDED.held_by, answer = NULL, provisional = FALSE, expires_at = EXCLUDED.expires_at
      WHERE k.expires_at <= $6`,
  look: 'SELECT held_by FROM idempotency_keys WHERE team_id = $1 AND key_id = $2 AND key = $3',
  takeOver:
    'UPDATE idempotency_keys SET held_by = $4 WHERE team_id = $1 AND key_id = $2 AND key = $3 AND held_by = $5 AND answer IS NULL',
  keep: 'UPDATE idempotency_keys SET answer = $4, provisional = $6 WHERE team_id = $1 AND key_id = $2 AND key = $3 AND held_by = $5',
  probe: `INSERT INTO probes (account_id, held_by, started_at) VALUES ($1, $2, $3)
    ON CONFLICT (account_id) DO UPDATE SET held_by = $2, started_at = $3, finished_at = NULL, failure = NULL
    WHERE probes.finished_at IS NOT NULL`,
};

let testDatabase: TestDatabase;
let connection: DatabaseConnection;
let admin: pg.Client;
let client: pg.Client;
let database: Database;
let keys: IdempotencyRepository;
let probes: ProbesRepository;
let folder: string;

/** A database as the release before left it, with rows in it; then upgraded. */
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  admin = new pg.Client(testDatabase.connection);
  await admin.connect();
  await admin.query('CREATE DATABASE before_leased_by');
  connection = { ...testDatabase.connection, database: 'before_leased_by' };
  folder = await makeFolder();
  for (const name of (await readdir(migrationsFolder)).filter((name) => name < MIGRATION))
    await cp(join(migrationsFolder, name), join(folder, name), { recursive: true });
  await migrate(connection, folder);
  client = new pg.Client(connection);
  await client.connect();
  for (const key of ['old', 'older'])
    await client.query(FORMER.take, ['t', 'k', key, FINGERPRINT, `of ${key}`, NOW, TOMORROW]);
  await client.query(FORMER.probe, ['acct_old', 'of old', NOW]);

  await migrate(connection, migrationsFolder);
  database = openDatabase({ connection, poolSize: 2 });
  keys = new IdempotencyRepository(database);
  probes = new ProbesRepository(database);
});
afterAll(async () => {
  await database.close();
  await client.end();
  await admin.query('DROP DATABASE before_leased_by WITH (FORCE)');
  await admin.end();
  await testDatabase.drop();
  await removeFolder(folder);
});

const formerLook = async (key: string) =>
  (await client.query(FORMER.look, ['t', 'k', key])).rows[0]?.held_by;
const changed = async (query: string, values: unknown[]) =>
  (await client.query(query, values)).rowCount;
/** Rows in which the two names say different things. */
const torn = async () => {
  const { rows } = await client.query(
    `SELECT key FROM idempotency_keys WHERE leased_by IS DISTINCT FROM held_by
     UNION ALL SELECT account_id FROM probes WHERE leased_by IS DISTINCT FROM held_by`,
  );
  return rows;
};

describe('the upgrade that renames a lease', () => {
  it('keeps the leases that rows had', async () => {
    expect(await keys.find(['t', 'k', 'old'])).toMatchObject({ leased_by: 'of old' });
    expect(await keys.find(['t', 'k', 'older'])).toMatchObject({ leased_by: 'of older' });
    const { rows } = await client.query('SELECT leased_by FROM probes');
    expect(rows).toEqual([{ leased_by: 'of old' }]);
    expect(await torn()).toEqual([]);
  });

  it('lets the release before take, take over and answer requests that this one sees', async () => {
    const row = ['t', 'k', 'former'] as const;
    const take = [...row, FINGERPRINT, 'former', NOW, TOMORROW];
    expect(await changed(FORMER.take, take)).toBe(1);
    expect(await keys.find(row)).toMatchObject({ leased_by: 'former' });
    expect(await changed(FORMER.takeOver, [...row, 'former two', 'former'])).toBe(1);
    expect(await keys.find(row)).toMatchObject({ leased_by: 'former two' });
    expect(await changed(FORMER.keep, [...row, Buffer.from('a'), 'former two', false])).toBe(1);
    expect(await keys.find(row)).toMatchObject({ answer: Buffer.from('a') });
    // An expired row is taken as new.
    const later = [...row, FINGERPRINT, 'former three', TOMORROW, TOMORROW];
    expect(await changed(FORMER.take, later)).toBe(1);
    expect(await keys.find(row)).toMatchObject({ leased_by: 'former three', answer: null });
    expect(await torn()).toEqual([]);
  });

  it('lets this release do the same, and the release before sees it', async () => {
    const row = ['t', 'k', 'new'] as const;
    expect(await keys.insert(row, FINGERPRINT, 'new', NOW, TOMORROW)).toBe(true);
    expect(await formerLook('new')).toBe('new');
    expect(await keys.takeOver(row, 'new two', 'new')).toBe(true);
    expect(await formerLook('new')).toBe('new two');
    expect(await changed(FORMER.keep, [...row, Buffer.from('a'), 'new', false])).toBe(0);
    expect(await keys.saveAnswer(undefined, row, 'new two', Buffer.from('a'), true)).toBe(true);
    expect(await keys.insert(row, FINGERPRINT, 'new three', TOMORROW, TOMORROW)).toBe(true);
    expect(await formerLook('new')).toBe('new three');
    expect(await torn()).toEqual([]);
  });

  it('lets each take over from the other', async () => {
    const row = ['t', 'k', 'old'] as const;
    expect(await keys.takeOver(row, 'new', 'of old')).toBe(true);
    expect(await changed(FORMER.takeOver, [...row, 'former', 'of old'])).toBe(0);
    expect(await changed(FORMER.takeOver, [...row, 'former', 'new'])).toBe(1);
    expect(await keys.takeOver(row, 'new', 'former')).toBe(true);
    expect(await torn()).toEqual([]);
  });

  it('shares probes between them', async () => {
    // Nobody is left of the process that had it.
    expect(await probes.begin('acct_old', 'new', NOW)).toBe(true);
    expect(await changed(FORMER.probe, ['acct_old', 'former', NOW])).toBe(0);
    await probes.finish('acct_old', 'new', undefined, NOW);
    expect(await changed(FORMER.probe, ['acct_old', 'former', NOW])).toBe(1);
    expect((await client.query('SELECT leased_by FROM probes')).rows).toEqual([
      { leased_by: 'former' },
    ]);
    expect(await changed(FORMER.probe, ['acct_two', 'former', NOW])).toBe(1);
    expect(await probes.begin('acct_three', 'new', NOW)).toBe(true);
    expect(await torn()).toEqual([]);
  });
});
