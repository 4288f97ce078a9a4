import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { bringUpToDate, migrate } from '../../src/database/index.js';
import { StartError } from '../../src/lib/start-error.js';
import { createTestDatabase, migrationsFolder, type TestDatabase } from '../support/database.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { afterEach, beforeEach, describe, expect, it } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

let folder: string;
let database: TestDatabase;
let client: pg.Client;
beforeEach(async () => {
  folder = await makeFolder();
  database = await createTestDatabase();
  client = new pg.Client(database.connection);
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.drop();
  await removeFolder(folder);
});

async function write(name: string, script: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), script);
}

const entries = `SELECT migration_name AS name, finished_at IS NOT NULL AS finished, length(checksum) AS checksum
  FROM _prisma_migrations WHERE migration_name ~ '^[ab]_' ORDER BY migration_name`;

describe('migrate', () => {
  it("applies in the order of the names, once, and keeps Prisma's record of it", async () => {
    await write('b_column', 'ALTER TABLE things ADD COLUMN size int;');
    await write(
      'a_table',
      `CREATE TABLE things (name text DEFAULT 'a;b'); CREATE FUNCTION one() RETURNS int AS $$ BEGIN; RETURN 1; END $$ LANGUAGE plpgsql;`.replace(
        'BEGIN;',
        'BEGIN',
      ),
    );
    expect(await migrate(database.connection, folder)).toEqual(['a_table', 'b_column']);
    expect(await migrate(database.connection, folder)).toEqual([]);
    const { rows } = await client.query(entries);
    expect(rows).toEqual([
      { name: 'a_table', finished: true, checksum: 64 },
      { name: 'b_column', finished: true, checksum: 64 },
    ]);
  });

  it('applies each once when replicas start together', async () => {
    await write('a_table', 'CREATE TABLE things (name text); SELECT pg_sleep(0.1);');
    const applied = await Promise.all([1, 2, 3].map(() => migrate(database.connection, folder)));
    expect(applied.flat()).toEqual(['a_table']);
  });

  it('undoes a migration that fails, says which, and applies it once it is mended', async () => {
    await write('a_table', 'CREATE TABLE things (name text);');
    await write('b_broken', 'CREATE TABLE others (name text); SELECT nonsense;');
    await expect(migrate(database.connection, folder)).rejects.toThrow(
      /b_broken failed \(column "nonsense" does not exist\) and was rolled back/,
    );
    await expect(migrate(database.connection, folder)).rejects.toBeInstanceOf(StartError);

    await write('b_broken', 'CREATE TABLE others (name text);');
    expect(await migrate(database.connection, folder)).toEqual(['b_broken']);
  });

  it('tries again when a table is held, and keeps those that come later waiting for seconds only', async () => {
    await write('a_table', 'CREATE TABLE things (name text);');
    await migrate(database.connection, folder);
    await write('b_column', 'ALTER TABLE things ADD COLUMN size int;');
    await client.query('BEGIN; LOCK things');
    const migrating = migrate(database.connection, folder);
    const waiting = `SELECT count(*)::int AS n FROM pg_locks l JOIN pg_class c ON c.oid = relation
      WHERE relname = 'things' AND NOT granted`;
    const waits = async () => (await client.query<{ n: number }>(waiting)).rows[0]?.n;
    for (const n of [1, 0])
      await waitFor(`${n} to wait for the table`, waits, { until: (waits) => waits === n });
    await client.query('COMMIT');
    expect(await migrating).toEqual(['b_column']);
  });

  it('builds an index beside a writing transaction, while another replica waits for its turn', async () => {
    await write('a_table', 'CREATE TABLE things (name text); CREATE TABLE others (name text);');
    await migrate(database.connection, folder);
    const index = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS things_name_idx ON things (name);';
    await write(
      'b_index',
      `-- Outside of a transaction\nDROP INDEX CONCURRENTLY IF EXISTS things_name_idx;\n${index}\n`,
    );
    await client.query("BEGIN; INSERT INTO things VALUES ('a')");
    const migrating = Promise.all([1, 2].map(() => migrate(database.connection, folder)));
    await waitFor('the index to wait for the transaction', async () => {
      const { rows } = await client.query(
        `SELECT 1 FROM pg_locks w JOIN pg_locks own USING (pid)
         JOIN pg_database d ON d.oid = own.database AND d.datname = current_database()
         WHERE w.locktype = 'virtualxid' AND NOT w.granted`,
      );
      return rows[0];
    });
    await client.query('COMMIT');
    expect((await migrating).flat()).toEqual(['b_index']);
    const { rows } = await client.query(
      `SELECT indisvalid FROM pg_index WHERE indexrelid = 'things_name_idx'::regclass`,
    );
    expect(rows).toEqual([{ indisvalid: true }]);
  });
});

describe('a start that may not migrate', () => {
  const start = () =>
    bringUpToDate({ connection: database.gateway, owner: undefined }, folder, false);

  it('is refused while a migration is pending, and changes nothing', async () => {
    await write('a_table', 'CREATE TABLE things (name text);');
    await write('b_column', 'ALTER TABLE things ADD COLUMN size int;');
    await expect(start()).rejects.toThrow(/lacks 2 migrations, from a_table on: run `npm run mig/);
    await expect(start()).rejects.toBeInstanceOf(StartError);
    expect((await client.query(entries)).rows).toEqual([]);
    await migrate(database.connection, folder);
    await expect(start()).resolves.toMatchObject({ applied: [] });
  });
});

describe('a schema of a newer release', () => {
  /** As the owner and as the gateway's role. */
  const starts = async () => {
    const connected = { connection: database.gateway, owner: database.connection };
    const started = [true, false].map((mayMigrate) =>
      bringUpToDate(connected, migrationsFolder, mayMigrate),
    );
    const outcomes = await Promise.allSettled(started);
    return outcomes.map((one) => (one.status === 'fulfilled' ? 'started' : one.reason.message));
  };
  const newest = async () => {
    const { rows } = await client.query('SELECT max(number) AS newest FROM schema_releases');
    return rows[0].newest as number;
  };

  it('serves the release before it', async () => {
    const own = await newest();
    await client.query('INSERT INTO schema_releases (number) VALUES ($1)', [own + 1]);
    expect(await starts()).toEqual(['started', 'started']);
  });

  it('is refused by a release that is two behind', async () => {
    const own = await newest();
    await client.query('INSERT INTO schema_releases (number) VALUES ($1)', [own + 2]);
    const refusal = `The database has schema ${own + 2}, and this release runs on schemas ${own} and ${own + 1}: start a newer release, or restore a backup that is older.`;
    expect(await starts()).toEqual([refusal, refusal]);
  });
});
