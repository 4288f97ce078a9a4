import pg from 'pg';
import { useWorlds } from '../evidence/world.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** Accounts of one connection, all of whose metrics change between two sweeps. */
const ACCOUNTS = 1_000;
/** Bytes of the write-ahead log that a change of an account's metrics may take. */
const MAX_WAL = 1_536;

let owner: pg.Client;
// Before the gateway's, which drops the database.
afterAll(() => owner.end());
const worlds = useWorlds();
beforeAll(async () => {
  owner = new pg.Client(worlds.gateway().owner);
  await owner.connect();
  await owner.query('CREATE EXTENSION pg_walinspect');
  await stopAutovacuum();
});

/** Vacuum and analyze come when they like, and what they write is not the sweep's. */
async function stopAutovacuum(): Promise<void> {
  const { rows } = await owner.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  const off = 'autovacuum_enabled = off, toast.autovacuum_enabled = off';
  for (const { name } of rows) await owner.query(`ALTER TABLE ${name} SET (${off})`);
}

/** Has all that is written by now reach the log: on the tests' server commits do not wait for it. */
async function flush(): Promise<void> {
  await owner.query('BEGIN');
  await owner.query('SET LOCAL synchronous_commit = on');
  await owner.query('SELECT pg_current_xact_id()');
  await owner.query('COMMIT');
}

/** What the log holds since then of this database: without whole pages, which follow checkpoints. */
async function walSince(position: string): Promise<number> {
  await flush();
  const { rows } = await owner.query(
    `SELECT sum(record_length - fpi_length)::int AS bytes
     FROM pg_get_wal_records_info($1, pg_current_wal_flush_lsn())
     WHERE block_ref LIKE
       '%/' || (SELECT oid FROM pg_database WHERE datname = current_database()) || '/%'`,
    [position],
  );
  return rows[0].bytes;
}

async function walPosition(): Promise<string> {
  await flush();
  return (await owner.query('SELECT pg_current_wal_flush_lsn() AS position')).rows[0].position;
}

/** Updated rows of accounts and profiles, and those of them whose update wrote no index. */
async function updates(): Promise<{ all: number; hot: number }> {
  const { rows } = await owner.query(
    `SELECT sum(n_tup_upd)::int AS all, sum(n_tup_hot_upd)::int AS hot
     FROM pg_stat_user_tables WHERE relname IN ('accounts', 'profiles')`,
  );
  return rows[0];
}

describe('a sweep that finds other metrics of every account', () => {
  test('writes hardly an index of accounts and profiles, and little to the log', async () => {
    const world = await worlds.open('outfame', [], { pageSize: 100 });
    let swept = 0;
    const sweep = () => {
      swept += 1;
      for (let number = 0; number < ACCOUNTS; number++)
        world.provider.put(`acc_${number}`, {
          followers_count: 1_000 + number + swept,
          updated_at: new Date().toISOString(),
        });
      return world.sweep();
    };
    expect(await sweep()).toMatchObject({ added: ACCOUNTS });
    // This one tells every account's event of the day.
    expect(await sweep()).toMatchObject({ changed: ACCOUNTS });
    /** What one sweep wrote. Sessions tell their updates within seconds. */
    const measured = async () => {
      const [before, position] = [await told(swept), await walPosition()];
      expect(await sweep()).toMatchObject({ changed: ACCOUNTS });
      const perAccount = (await walSince(position)) / ACCOUNTS;
      const after = await told(swept);
      return { perAccount, hot: (after.hot - before.hot) / (after.all - before.all) };
    };
    const told = (sweeps: number) =>
      waitFor(`the figures of ${sweeps} sweeps`, updates, {
        until: ({ all }) => all >= 2 * ACCOUNTS * (sweeps - 1),
      });
    // Background work of the sweeps before may write beside one: the bound is for one without. Some
    // followers are in another bucket than before.
    const { perAccount } = await waitFor('a sweep with nothing beside it', measured, {
      until: ({ perAccount, hot }) => perAccount < MAX_WAL && hot > 0.9,
    });
    expect(perAccount).toBeGreaterThan(500);
  });
});
