import pg from 'pg';
import { type Database, openDatabase } from '../../src/database/index.js';
import { createProfileKeeper } from '../../src/profiles/index.js';
import { createRegistry } from '../../src/providers/index.js';
import { createFormerDatabase, type FormerDatabase } from '../support/database.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';

const MIGRATION = '20261126205000_profiles';
/** The release before writes accounts so: it knows no profiles. */
const FORMER = `INSERT INTO accounts (id, team_id, connection_id, provider, provider_account_id, platform,
    username, username_key, status, health_status, health_since, checked_at, remote_data, created_at, updated_at)
  VALUES ($1, 'team_1', 'conn_1', 'outfame', $1, 'instagram', $2, $2, 'active', 'healthy', now(), now(), '{}', now(), now())`;

let former: FormerDatabase;
let client: pg.Client;
let database: Database;
beforeAll(async () => {
  former = await createFormerDatabase(MIGRATION);
  client = new pg.Client(former.connection);
  await client.connect();
  await client.query(`INSERT INTO teams (id, name) VALUES ('team_1', 'one')`);
  await client.query(
    `INSERT INTO connections (id, team_id, provider, name, credentials, sweep_interval_seconds)
     VALUES ('conn_1', 'team_1', 'outfame', 'outfame', '', 300)`,
  );
  await client.query(FORMER, ['acct_1', 'harbor']);
  await client.query(FORMER, ['acct_2', 'harbor']);
  await client.query(FORMER, ['acct_3', 'pine']);
  await former.upgrade();
  database = openDatabase({ connection: former.connection, poolSize: 2 });
});
afterAll(async () => {
  await database?.close();
  await client?.end();
  await former?.drop();
});

const keeper = () =>
  createProfileKeeper({ database, adapters: createRegistry(), clock: manualClock() });

async function profiles() {
  const { rows } = await client.query(
    `SELECT p.id, array_agg(a.id ORDER BY a.id) AS accounts FROM profiles p
     JOIN accounts a ON a.profile_id = p.id GROUP BY 1 ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ id, accounts }) => [id, accounts]));
}

test('accounts from before the upgrade, and those of the release before beside it, get their profiles', async () => {
  await client.query(FORMER, ['acct_4', 'pine']);
  await keeper().settleLeft();
  expect(await profiles()).toEqual({
    prof_1: ['acct_1', 'acct_2'],
    prof_3: ['acct_3', 'acct_4'],
  });
});

test('a rebuild gives every account the profile that it has, whatever was lost', async () => {
  const before = await profiles();
  const counts = { accounts: 4, profiles: 2 };
  expect(await keeper().rebuild()).toEqual({ ...counts, moved: 0 });
  await client.query(`UPDATE accounts SET profile_id = 'prof_3' WHERE id <> 'acct_3'`);
  expect(await keeper().rebuild()).toEqual({ ...counts, moved: 2 });
  expect(await profiles()).toEqual(before);
  await client.query('UPDATE accounts SET profile_id = NULL');
  await client.query('DELETE FROM profiles');
  await client.query(
    `INSERT INTO profiles (id, team_id, platform, provider_count, account_count, match,
       is_contradictory, has_conflicts, health_status, created_at, updated_at)
     VALUES ('prof_9', 'team_1', 'instagram', 1, 1, 'none', FALSE, FALSE, 'healthy', now(), now())`,
  );
  await keeper().rebuild();
  expect(await profiles()).toEqual(before);
  expect(await keeper().rebuild()).toEqual({ ...counts, moved: 0 });
});
