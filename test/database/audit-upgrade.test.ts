import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { createAuditChain } from '../../src/audit/index.js';
import { type Database, migrate, openDatabase } from '../../src/database/index.js';
import { systemClock } from '../../src/lib/clock.js';
import { createSigner } from '../../src/lib/signature.js';
import { createTestDatabase, migrationsFolder, type TestDatabase } from '../support/database.js';
import { makeFolder, removeFolder } from '../support/folder.js';

const MIGRATION = '20261126191000_audit_chain';
/** The statement of the release before, which runs beside this one during an upgrade. */
const FORMER = `INSERT INTO audit_events (id, team_id, action, target_type, target_id, before, at)
  VALUES ($1, 'team_1', 'account.paused', 'account', 'acct_1', '{"followers": 12345678901234567890}', now())`;

let testDatabase: TestDatabase;
let admin: pg.Client;
let client: pg.Client;
let database: Database;
let folder: string;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  admin = new pg.Client(testDatabase.connection);
  await admin.connect();
  await admin.query('CREATE DATABASE before_audit_chain');
  const connection = { ...testDatabase.connection, database: 'before_audit_chain' };
  folder = await makeFolder();
  for (const name of (await readdir(migrationsFolder)).filter((name) => name < MIGRATION))
    await cp(join(migrationsFolder, name), join(folder, name), { recursive: true });
  await migrate(connection, folder);
  client = new pg.Client(connection);
  await client.connect();
  await client.query(FORMER, ['aud_1']);
  await migrate(connection, migrationsFolder);
  database = openDatabase({ connection, poolSize: 2 });
});
afterAll(async () => {
  await database?.close();
  await client?.end();
  await admin?.query('DROP DATABASE before_audit_chain WITH (FORCE)');
  await admin?.end();
  await testDatabase?.drop();
  await removeFolder(folder);
});

test('entries from before the upgrade, and those of the release before beside it, are sealed', async () => {
  await client.query(FORMER, ['aud_2']);
  const signer = createSigner(Buffer.alloc(32, 1).toString('base64'));
  const chain = createAuditChain({ database, signer, clock: systemClock });
  await chain.seal();
  const keys = [{ ...signer.publicKey, valid_from: null, valid_until: null }];
  const { counts, faults } = await chain.check(keys, []);
  expect(faults).toStrictEqual([]);
  expect(counts).toMatchObject({ entries: 2, sealed: 2, waiting: 0 });
});
