import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import { StartError } from '../lib/start-error.js';
import type { DatabaseConnection } from './hosts.js';
import { openWritable } from './hosts.js';
import { recordSchema, requireKnownSchema, schemaNumber } from './schema-release.js';
import { isPooled } from './session.js';

/** One folder of `prisma/migrations`. */
interface Migration {
  readonly name: string;
  readonly script: string;
  /** SHA-256 of the script in hex, as Prisma keeps it. */
  readonly checksum: string;
}

/** The advisory lock that lets one of several starting replicas migrate. */
const migrationLock = 7_025_119;
const ASK_FOR_LOCK_AGAIN_MS = 100;
/**
 * Milliseconds that a statement of a migration waits for a table's lock: queries that come later
 * wait behind it. Then the migration is rolled back and tried again, as often as `MAX_TRIES`.
 */
const LOCK_MS = 3_000;
const MAX_TRIES = 20;
const TRY_AGAIN_MS = 1_000;
/** A migration that begins so is applied statement by statement, each in no transaction. */
const OUTSIDE_TRANSACTION = '-- Outside of a transaction';

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
 * every `;` and runs the pieces one by one). One that begins with `OUTSIDE_TRANSACTION`, as an
 * index of a large table must, may be left half done: its statements, each of which ends with its
 * line, must be safe to repeat. Migrations the folder does not know are left alone: the next
 * release may have applied them.
 *
 * @param folder in Prisma's layout: `<name>/migration.sql`, applied in the order of the names
 * @param only the names of those to apply; all when left out
 * @returns the names of those applied now
 * @throws StartError when one fails, or a release migrated it that is too far ahead
 */
export async function migrate(
  connection: DatabaseConnection,
  folder: string,
  only?: readonly string[],
): Promise<string[]> {
  const all = await migrationsIn(folder);
  const migrations = only === undefined ? all : all.filter((name) => only.includes(name));
  const schema = await schemaNumber(folder, migrations);
  return withSession(connection, async (client) => {
    await requireKnownSchema(client, schema);
    if ((await pendingOf(client, migrations)).length === 0) return [];
    await lock(client);
    await client.query('SET statement_timeout = 0');
    await client.query(createTable).catch(refuse('the first migration'));
    const pending = await pendingOf(client, migrations);
    for (const name of pending) await apply(client, await readMigration(folder, name));
    await recordSchema(client, schema);
    return pending;
  });
}

/**
 * Makes sure that the database is migrated, and changes nothing.
 *
 * @param folder see `migrate`
 * @throws StartError when a migration is pending, or a release migrated it that is too far ahead
 */
export async function requireMigrated(
  connection: DatabaseConnection,
  folder: string,
): Promise<void> {
  const migrations = await migrationsIn(folder);
  const schema = await schemaNumber(folder, migrations);
  await withSession(connection, async (client) => {
    await requireKnownSchema(client, schema);
    const pending = await pendingOf(client, migrations).catch(refuse('the look at what is there'));
    if (pending.length > 0)
      throw new StartError(
        `The database lacks ${pending.length} migrations, from ${pending[0]} on: run \`npm run migrate\`, or set MIGRATE_ON_START=true.`,
      );
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

/**
 * The lock ends with the session. One that waited in the database would keep a transaction open, and
 * an index that is built beside others' work waits for all that are.
 */
async function lock(client: pg.Client): Promise<void> {
  if (await isPooled(client))
    throw new StartError(
      'DATABASE_DIRECT_URL: migrations are pending that need a session of their own, and their address leads through a pooler. Set it to the address of PostgreSQL itself.',
    );
  const take = async () =>
    (await client.query('SELECT pg_try_advisory_lock($1) AS taken', [migrationLock])).rows[0].taken;
  while (!(await take())) await setTimeout(ASK_FOR_LOCK_AGAIN_MS);
}

/** Runs `work` in a session of its own. */
export async function withSession<Result>(
  connection: DatabaseConnection,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await openWritable(connection, { application_name: 'rollcall migrate' });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The names of the migrations in the folder, oldest first. */
export async function migrationsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const script = await readFile(join(folder, name, 'migration.sql'), 'utf8');
  return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
}

/** The names of those that the database lacks. */
async function pendingOf(client: pg.Client, migrations: readonly string[]): Promise<string[]> {
  const { rows: tables } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`,
  );
  if (!tables[0]?.exists) return [...migrations];
  const { rows } = await client.query<{ name: string }>(
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  const applied = new Set(rows.map(({ name }) => name));
  return migrations.filter((name) => !applied.has(name));
}

async function apply(client: pg.Client, migration: Migration, tries = 1): Promise<void> {
  try {
    if (migration.script.startsWith(OUTSIDE_TRANSACTION)) await applyInParts(client, migration);
    else await applyWhole(client, migration);
  } catch (error) {
    const failure = error as pg.DatabaseError;
    await client.query('ROLLBACK').catch(() => undefined);
    if (failure.code !== LOCK_NOT_AVAILABLE || tries === MAX_TRIES) refuse(migration.name)(failure);
    await setTimeout(TRY_AGAIN_MS);
    await apply(client, migration, tries + 1);
  }
}

async function applyWhole(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  await client.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
  await client.query(migration.script);
  await record(client, migration);
  await client.query('COMMIT');
}

/** What runs so waits for others' transactions as long as it takes, and keeps no query waiting. */
async function applyInParts(client: pg.Client, migration: Migration): Promise<void> {
  const statements = migration.script.replace(/^--.*$/gm, '').split(/;\s*$/m);
  for (const statement of statements) if (statement.trim() !== '') await client.query(statement);
  await record(client, migration);
}

async function record(client: pg.Client, { name, checksum }: Migration): Promise<void> {
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
    [randomUUID(), checksum, name],
  );
}

/** What PostgreSQL says to a role that does not own what it wants to change. */
const NOT_PERMITTED = '42501';
/** What it says when a lock was not to be had in time. */
const LOCK_NOT_AVAILABLE = '55P03';
const ADVICE: Readonly<Record<string, string>> = {
  [NOT_PERMITTED]: ' Set ROLLCALL_MIGRATE_URL to a user who owns the tables.',
  [LOCK_NOT_AVAILABLE]:
    ' A transaction that has been open for over a minute holds a table that it changes: end it, and start again.',
};

function refuse(name: string): (error: pg.DatabaseError) => never {
  return ({ code, message }) => {
    throw new StartError(
      `The database could not be migrated: ${name} failed (${message}) and was rolled back.${ADVICE[code ?? ''] ?? ''}`,
    );
  };
}
