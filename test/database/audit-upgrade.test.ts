import pg from 'pg';
import { createAuditChain } from '../../src/audit/index.js';
import { type Database, openDatabase } from '../../src/database/index.js';
import { systemClock } from '../../src/lib/clock.js';
import { createSigner } from '../../src/lib/signature.js';
import { createFormerDatabase, type FormerDatabase } from '../support/database.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';

const MIGRATION = '20261126191000_audit_chain';
/** The statement of the release before, which runs beside this one during an upgrade. */
const FORMER = `INSERT INTO audit_events (id, team_id, action, target_type, target_id, before, at)
  VALUES ($1, 'team_1', 'account.paused', 'account', 'acct_1', '{"followers": 12345678901234567890}', now())`;

let former: FormerDatabase;
let client: pg.Client;
let database: Database;
beforeAll(async () => {
  former = await createFormerDatabase(MIGRATION);
  client = new pg.Client(former.connection);
  await client.connect();
  await client.query(FORMER, ['aud_1']);
  await former.upgrade();
  database = openDatabase({ connection: former.connection, poolSize: 2 });
});
afterAll(async () => {
  await database?.close();
  await client?.end();
  await former?.drop();
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
