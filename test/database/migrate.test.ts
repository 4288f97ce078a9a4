import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../src/database/index.js';
import { StartError } from '../../src/lib/start-error.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { makeFolder, removeFolder } from '../support/folder.js';

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
});
