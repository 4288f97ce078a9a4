import { randomUUID } from 'node:crypto';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type DatabaseConnection, migrate } from '../../src/database/index.js';
import { makeFolder, removeFolder } from './folder.js';
import { dropDatabase, migrationsFolder, type TestServer } from './test-server.js';

export { migrationsFolder };

/** An empty, migrated database of a test's own. */
export interface TestDatabase {
  /** As the owner of its tables. */
  readonly connection: DatabaseConnection;
  /** As the role that gateways work as, which owns nothing. */
  readonly gateway: DatabaseConnection;
  /** Removes the database. Close the pools on it first. */
  drop(): Promise<void>;
}

/** Copies a migrated template, which takes tens of milliseconds. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = testServer();
  const admin = new pg.Client({ ...server.owner, database: 'postgres' });
  await admin.connect();
  const database = `test_${process.pid}_${randomUUID().replaceAll('-', '')}`;
  // Copies files, and none of it by way of the log: a third of the time.
  await admin.query(`CREATE DATABASE ${database} TEMPLATE ${server.template} STRATEGY FILE_COPY`);
  return {
    connection: { ...server.owner, database },
    gateway: { ...server.gateway, database },
    drop: async () => {
      await dropDatabase(admin, database);
      await admin.end();
    },
  };
}

/** The server that the run has started for its files. */
function testServer(): TestServer {
  const server = process.env.TEST_SERVER;
  if (server === undefined) throw new Error('TEST_SERVER is set by Jest, before it runs tests.');
  return JSON.parse(server);
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
      await dropDatabase(admin, database);
      await admin.end();
      await testDatabase.drop();
      await removeFolder(folder);
    },
  };
}
