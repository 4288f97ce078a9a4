import { createHash, randomUUID } from 'node:crypto';
import { cp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  bringUpToDate,
  type DatabaseConnection,
  type EmbeddedDatabase,
  migrate,
  startEmbedded,
} from '../../src/database/index.js';
import { checkout } from './checkout.js';
import { makeFolder, removeFolder } from './folder.js';
import { isRunning } from './processes.js';

/** An empty, migrated database of a test's own. */
export interface TestDatabase {
  /** As the owner of its tables. */
  readonly connection: DatabaseConnection;
  /** As the role that gateways work as, which owns nothing. */
  readonly gateway: DatabaseConnection;
  /** Removes the database. Close the pools on it first. */
  drop(): Promise<void>;
}

export const migrationsFolder = join(checkout, 'prisma', 'migrations');

/**
 * One server for all test files at once and for later runs; the last file to drop its database
 * shuts it down.
 */
const dataDir = join(
  tmpdir(),
  `rollcall-test-${createHash('sha256').update(checkout).digest('hex').slice(0, 12)}-${process.getuid?.()}`,
);

/** Any number: it keeps test files from making the template at the same time. */
const templateLock = 1;

/** Copies a migrated template, which takes tens of milliseconds. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await startEmbedded({ dataDir, onProgress: () => undefined });
  const admin = new pg.Client({ ...server.connection, database: 'postgres' });
  await admin.connect();
  const database = `test_${process.pid}_${randomUUID().replaceAll('-', '')}`;
  const template = await ensureTemplate(admin, server);
  await admin.query(`CREATE DATABASE ${database} TEMPLATE ${template}`);
  return {
    connection: { ...server.connection, database },
    gateway: { ...server.gateway, database },
    drop: async () => {
      await drop(admin, database);
      await admin.end();
      await server.stop();
    },
  };
}

/** A database of a test's own, as a release left it that knew no migration from this one on. */
export interface FormerDatabase extends Pick<TestDatabase, 'connection' | 'drop'> {
  /** Applies all further migrations. */
  upgrade(): Promise<void>;
}

/** @param migration the first that it is without */
export async function createFormerDatabase(migration: string): Promise<FormerDatabase> {
  const testDatabase = await createTestDatabase();
  const admin = new pg.Client(testDatabase.connection);
  await admin.connect();
  const database = `test_${process.pid}_before_${randomUUID().replaceAll('-', '')}`;
  await admin.query(`CREATE DATABASE ${database}`);
  const connection = { ...testDatabase.connection, database };
  const folder = await makeFolder();
  for (const name of (await readdir(migrationsFolder)).filter((name) => name < migration))
    await cp(join(migrationsFolder, name), join(folder, name), { recursive: true });
  await migrate(connection, folder);
  return {
    connection,
    upgrade: async () => {
      await migrate(connection, migrationsFolder);
    },
    drop: async () => {
      await drop(admin, database);
      await admin.end();
      await testDatabase.drop();
      await removeFolder(folder);
    },
  };
}

async function ensureTemplate(admin: pg.Client, server: EmbeddedDatabase): Promise<string> {
  const template = `template_${await hashMigrations()}`;
  await admin.query('SELECT pg_advisory_lock($1)', [templateLock]);
  try {
    const { rows } = await admin.query<{ name: string }>(
      `SELECT datname AS name FROM pg_database WHERE NOT datistemplate`,
    );
    const names = rows.map(({ name }) => name);
    for (const name of names.filter(isAbandoned)) await drop(admin, name);
    if (names.includes(template)) return template;

    for (const name of names.filter((name) => name.startsWith('template_')))
      await drop(admin, name);
    await drop(admin, 'unfinished');
    await admin.query('CREATE DATABASE unfinished');
    const owner = { ...server.connection, database: 'unfinished' };
    const connection = { ...server.gateway, database: 'unfinished' };
    await bringUpToDate({ connection, owner }, migrationsFolder);
    await admin.query(`ALTER DATABASE unfinished RENAME TO ${template}`);
    return template;
  } finally {
    await admin.query('SELECT pg_advisory_unlock($1)', [templateLock]);
  }
}

async function drop(admin: pg.Client, name: string): Promise<void> {
  await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

/** Left by a test process that is gone. */
function isAbandoned(name: string): boolean {
  const pid = /^test_(\d+)_/.exec(name)?.[1];
  return pid !== undefined && !isRunning(Number(pid));
}

async function hashMigrations(): Promise<string> {
  const hash = createHash('sha256').update(
    await readFile(join(checkout, 'src', 'database', 'privileges.ts')),
  );
  for (const name of (await readdir(migrationsFolder, { recursive: true }))
    .filter((name) => name.endsWith('.sql'))
    .sort()) {
    hash.update(name).update(await readFile(join(migrationsFolder, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
