import pg from 'pg';
import { createFormerDatabase, type FormerDatabase } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

const BEFORE = '20261127011000_followers_buckets';
/** More than the migration fills at once. */
const ACCOUNTS = 2_500;

let database: FormerDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createFormerDatabase(BEFORE);
  client = new pg.Client(database.connection);
  await client.connect();
  await client.query(`
    INSERT INTO teams (id, name) VALUES ('team', 'team');
    INSERT INTO connections (id, team_id, provider, name, credentials, sweep_interval_seconds)
    VALUES ('conn', 'team', 'outfame', 'conn', '', 300);
    INSERT INTO accounts (id, team_id, connection_id, provider, provider_account_id, platform, status,
      health_status, health_since, checked_at, remote_data, created_at, updated_at, followers)
    SELECT 'acct_' || lpad(n::text, 6, '0'), 'team', 'conn', 'outfame', n::text, 'instagram',
      'active', 'healthy', now(), now(), '{}', now(), now(), CASE WHEN n % 3 > 0 THEN n::bigint ^ (n % 5) END
    FROM generate_series(1, ${ACCOUNTS}) AS n`);
  await database.upgrade();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const wrong = async () =>
  (
    await client.query(
      `SELECT id FROM accounts
       WHERE followers_bucket IS DISTINCT FROM followers_bucket(followers)
         OR (followers IS NULL) <> (followers_bucket IS NULL)`,
    )
  ).rows;

describe('the bucket of followers', () => {
  test('is filled by the migration, and kept whoever writes', async () => {
    expect(await wrong()).toEqual([]);
    await client.query(`UPDATE accounts SET followers = followers * 2 WHERE id < 'acct_000100'`);
    await client.query(`UPDATE accounts SET followers = NULL WHERE id > 'acct_002400'`);
    await client.query(`UPDATE accounts SET followers = 7 WHERE id = 'acct_002500'`);
    expect(await wrong()).toEqual([]);
    // As a release does that does not give the bucket along, and as one that does.
    for (const [id, given] of [
      ['acct_without', 'NULL'],
      ['acct_with', 'followers_bucket(123456789012)'],
    ])
      await client.query(
        `INSERT INTO accounts SELECT (jsonb_populate_record(a, jsonb_build_object('id', $1::text,
           'provider_account_id', $1::text, 'followers', 123456789012, 'followers_bucket', ${given}))).*
         FROM accounts a WHERE id = 'acct_000001'`,
        [id],
      );
    expect(await wrong()).toEqual([]);
    const { rows } = await client.query(
      'SELECT count(followers_bucket)::int AS filled FROM accounts',
    );
    expect(rows[0].filled).toBeGreaterThan(1_000);
  });

  test('never falls as they rise, and is narrow', async () => {
    const { rows } = await client.query(
      `WITH numbers AS (
         SELECT DISTINCT n::bigint FROM (
           SELECT trunc(power(2::numeric, e) * (1 + f / 61.0)) + d
           FROM generate_series(0, 61) e, generate_series(0, 60) f, generate_series(-1, 1) d
           UNION ALL SELECT generate_series(0, 3000) UNION ALL SELECT 9223372036854775807) x(n)),
       steps AS (
         SELECT n, lag(n) OVER (ORDER BY n) AS former, followers_bucket(n) AS bucket,
           lag(followers_bucket(n)) OVER (ORDER BY n) AS former_bucket FROM numbers)
       SELECT count(*)::int AS numbers, count(*) FILTER (WHERE bucket < former_bucket)::int AS falls,
         count(*) FILTER (WHERE n < 64 AND n > 0 AND bucket <> n)::int AS shared,
         max((n - former)::float8 / n) FILTER (WHERE bucket = former_bucket) AS width
       FROM steps`,
    );
    expect(rows[0].numbers).toBeGreaterThan(5_000);
    expect(rows[0]).toMatchObject({ falls: 0, shared: 0 });
    expect(rows[0].width).toBeLessThan(1 / 32);
  });
});
