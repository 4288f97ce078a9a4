import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { StartError } from '../lib/start-error.js';
import type { DatabaseConnection } from './connection.js';

/** One folder of `prisma/migrations`. */
interface Migration {
  readonly name: string;
  readonly script: string;
  /** SHA-256 of the script in hex, as Prisma keeps it. */
  readonly checksum: string;
}

/** The advisory lock that lets one of several starting replicas migrate. */
const migrationLock = 7_025_119;

/** Prisma's own table, so that its tools understand the database. */
const createTable = `
  CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id varchar(36) PRIMARY KEY NOT NULL,
    checksum varchar(64) NOT NULL,
    finished_at timestamptz,
    migration_name varchar(255) NOT NULL,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    applied_steps_count integer NOT NULL DEFAULT 0
  )`;

/**
 * Brings a database up to the newest migration. Each runs in one transaction with its entry in
 * `_prisma_migrations`, so it is applied wholly or not at all (Prisma's engine splits scripts at
 * every `;` and runs the pieces one by one). Migrations the folder does not know are left alone: a
 * newer replica may have applied them.
 *
 * @param folder in Prisma's layout: `<name>/migration.sql`, applied in the order of the names
 * @returns the names of those applied now
 * @throws StartError when one fails
 */
export async function migrate(connection: DatabaseConnection, folder: string): Promise<string[]> {
  const migrations = await readMigrations(folder);
  return withSession(connection, async (client) => {
    if ((await pendingOf(client, migrations)).length === 0) return [];
    await lock(client);
    await client.query(createTable).catch(refuse('the first migration'));
    const pending = await pendingOf(client, migrations);
    for (const migration of pending) await apply(client, migration);
    return pending.map(({ name }) => name);
  });
}

/** Runs `work` while no other process migrates or does the same. */
export function withMigrationLock<Result>(
  connection: DatabaseConnection,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  return withSession(connection, async (client) => {
    await lock(client);
    return work(client);
  });
}

/** The lock ends with the session. */
async function lock(client: pg.Client): Promise<void> {
  await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
}

async function withSession<Result>(
  connection: DatabaseConnection,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ ...connection, application_name: 'rollcall migrate' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The migrations in the folder, oldest first. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const script = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}

async function pendingOf(client: pg.Client, migrations: Migration[]): Promise<Migration[]> {
  const { rows: tables } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`,
  );
  if (!tables[0]?.exists) return migrations;
  const { rows } = await client.query<{ name: string }>(
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  const applied = new Set(rows.map(({ name }) => name));
  return migrations.filter(({ name }) => !applied.has(name));
}

async function apply(client: pg.Client, { name, script, checksum }: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(script);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    refuse(name)(error as pg.DatabaseError);
  }
}

/** What PostgreSQL says to a role that does not own what it wants to change. */
const NOT_PERMITTED = '42501';

function refuse(name: string): (error: pg.DatabaseError) => never {
  return ({ code, message }) => {
    const advice =
      code === NOT_PERMITTED ? ' Set ROLLCALL_MIGRATE_URL to a user who owns the tables.' : '';
    throw new StartError(
      `The database could not be migrated: ${name} failed (${message}) and was rolled back.${advice}`,
    );
  };
}
