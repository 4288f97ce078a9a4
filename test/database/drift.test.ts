import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { DatabaseConnection } from '../../src/database/index.js';
import { writeScript } from '../../src/setup/schema-script.js';
import { checkout } from '../support/checkout.js';
import { createTestDatabase, migrationsFolder, type TestDatabase } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, it } from '../support/jest.js';

/** Partitions of a table are as the table is. */
const PARTITIONS = '(SELECT relname FROM pg_class WHERE relispartition)';

/** Everything a Prisma schema can say of a database, a line each. Names of schemas are left out. */
const catalog = `
  SELECT 'column ' || table_name || '.' || column_name || ' ' || udt_name || coalesce('(' || datetime_precision || ')', '') ||
         CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END || coalesce(' default ' || column_default, '') AS line
    FROM information_schema.columns WHERE table_schema = $1 AND table_name <> '_prisma_migrations'
      AND table_name NOT IN ${PARTITIONS}
  UNION ALL
  SELECT 'index ' || replace(replace(indexdef, schemaname || '.', ''), ' ON ONLY ', ' ON ') FROM pg_indexes
   WHERE schemaname = $1 AND tablename <> '_prisma_migrations' AND tablename NOT IN ${PARTITIONS}
  UNION ALL
  SELECT 'constraint ' || conname || ' ' || replace(pg_get_constraintdef(oid), $1 || '.', '') FROM pg_constraint
   WHERE connamespace = $1::regnamespace AND contype IN ('p', 'u', 'f') AND conrelid::regclass::text !~ '_prisma_migrations'
   ORDER BY line`;

let database: TestDatabase;
let connection: DatabaseConnection;
let schema: string;
beforeAll(async () => {
  database = await createTestDatabase();
  connection = database.connection;
  schema = await readFile(join(checkout, 'prisma', 'schema.prisma'), 'utf8');
});
afterAll(() => database.drop());

describe('prisma/schema.prisma', () => {
  it('is what the newest migration was written for', async () => {
    const migrated = await readFile(join(migrationsFolder, 'schema.prisma'), 'utf8');
    expect(await writeScript(connection, migrated, schema)).toBe('');
  });

  it('agrees with the database that the migrations make, column by column', async () => {
    const client = new pg.Client(connection);
    await client.connect();
    const describeSchema = async (name: string) =>
      (await client.query<{ line: string }>(catalog, [name])).rows.map(({ line }) => line);
    const migrated = await describeSchema('public');
    const script = await writeScript(connection, undefined, schema);
    // What Prisma's language has no words for and defaults name, such as sequences, is in `public`.
    await client.query('CREATE SCHEMA wanted; SET search_path = wanted, public');
    await client.query(script.replace('CREATE SCHEMA IF NOT EXISTS "public";', ''));
    const wanted = await describeSchema('wanted');
    await client.end();

    const columns = (lines: string[]) => lines.filter((line) => line.startsWith('column'));
    expect(columns(migrated)).toEqual(columns(wanted));
    // A migration may hold indexes and constraints that Prisma's language has no words for.
    expect(migrated).toEqual(expect.arrayContaining(wanted));
  });
});
