import { existsSync } from 'node:fs';
import { chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import {
  type DatabaseConnection,
  type EmbeddedDatabase,
  findDatabase,
  startEmbedded,
} from '../../src/database/index.js';
import { StartError } from '../../src/lib/start-error.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import { end, endAll, spawnEmbedded } from './embedded-process.js';

/**
 * Shared, as making a database is the slow part; a test that needs an empty folder takes one
 * inside.
 */
let dataDir: string;
beforeAll(async () => {
  dataDir = await makeFolder();
});
afterEach(async () => {
  await Promise.all([endAll(), ...started.splice(0).map((database) => database.stop())]);
});
afterAll(() => removeFolder(dataDir));

const started: EmbeddedDatabase[] = [];

/** Starts one that is stopped after the test, if the test does not do so. */
async function start(folder = dataDir): Promise<EmbeddedDatabase> {
  const database = await startEmbedded({ dataDir: folder, onProgress: () => undefined });
  started.push(database);
  return database;
}

async function stop(database: EmbeddedDatabase): Promise<void> {
  started.splice(started.indexOf(database), 1);
  await database.stop();
}

async function query<Row extends pg.QueryResultRow>(
  connection: DatabaseConnection,
  sql: string,
): Promise<Row[]> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The server's process number, or undefined when its files are closed. */
async function serverPid(folder = dataDir): Promise<number | undefined> {
  const file = join(folder, 'postgres', 'cluster', 'postmaster.pid');
  return existsSync(file) ? Number.parseInt(await readFile(file, 'utf8'), 10) : undefined;
}

describe('the embedded PostgreSQL', () => {
  it('keeps what was written over a stop and a start, and leaves no server behind', async () => {
    const first = await start();
    await query(first.connection, 'CREATE TABLE kept AS SELECT 1 AS value');
    await stop(first);
    expect(await serverPid()).toBeUndefined();

    const second = await start();
    expect(await query(second.connection, 'SELECT value FROM kept')).toEqual([{ value: 1 }]);
    await stop(second);
    expect(await serverPid()).toBeUndefined();
  });

  it('listens on no TCP port, writes durably, and compares letters of every script', async () => {
    const database = await start();
    const [row] = await query(
      database.connection,
      `SELECT current_setting('listen_addresses') AS tcp, current_setting('fsync') AS fsync, current_setting('TimeZone') AS zone,
              current_setting('server_encoding') AS encoding, lower('ÄÉЖ') AS lower`,
    );
    await stop(database);
    expect(row).toEqual({ tcp: '', fsync: 'on', zone: 'UTC', encoding: 'UTF8', lower: 'äéж' });
    const { mode } = await stat(join(dataDir, 'postgres', 'cluster'));
    expect(mode & 0o777).toBe(0o700);
  });

  it('is joined, not fought over, after its starter was killed', async () => {
    const starter = await spawnEmbedded(dataDir);
    const pid = await serverPid();
    await end(starter, 'SIGKILL');

    const database = await start();
    expect(await serverPid()).toBe(pid);
    expect(await query(database.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await stop(database);
    expect(await serverPid()).toBeUndefined();
  });

  it('runs until the last of its processes lets go, whichever started it', async () => {
    const starter = await spawnEmbedded(dataDir);
    const database = await start();
    await end(starter, 'SIGTERM');
    expect(await query(database.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await stop(database);
    expect(await serverPid()).toBeUndefined();
  });

  it('leaves no server behind where it is let go of before the server is up', async () => {
    const place = { dataDir, databaseUrl: undefined, migrateUrl: undefined };
    const launched = await findDatabase(place, () => undefined);
    await launched.stop();
    expect(await serverPid()).toBeUndefined();
    // It was waited for, and could be used until then.
    await expect(launched.answers).resolves.toBeUndefined();
  });

  it('is made once by processes that start together on an empty folder', async () => {
    const folder = join(dataDir, 'together');
    await mkdir(folder);
    const [child, ...own] = await Promise.all([
      spawnEmbedded(folder),
      start(folder),
      start(folder),
    ]);
    expect(
      (await readdir(join(folder, 'postgres'))).filter((name) => name.startsWith('cluster.')),
    ).toEqual([]);
    await Promise.all([end(child, 'SIGTERM'), ...own.map(stop)]);
    expect(await serverPid(folder)).toBeUndefined();
  });

  it('comes back after a crash of the server', async () => {
    const database = await start();
    const pid = await serverPid();
    process.kill(pid ?? 0, 'SIGKILL');
    const isBack = async () => {
      const answer = await query(database.connection, 'SELECT 1 AS one').catch(() => undefined);
      return answer !== undefined && (await serverPid()) !== pid;
    };
    await waitFor('a new server to answer', isBack);
    await stop(database);
  });

  it.each([
    ['names a process that is another program', `${process.ppid}\n`],
    ['is empty, as a crash or another start leaves it for a moment', ''],
  ])('starts although postmaster.pid %s', async (_what, content) => {
    await stop(await start());
    await writeFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), content);
    const database = await start();
    await stop(database);
    expect(await serverPid()).toBeUndefined();
  });

  it('works in a folder whose path is long and has a space and a comma', async () => {
    const folder = join(dataDir, 'a folder, with everything', 'x'.repeat(120));
    const database = await start(folder);
    expect(await query(database.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await stop(database);
  });
});

describe('a data folder that cannot be used for the database', () => {
  it('is named when it is a file', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    await expect(start(file)).rejects.toThrow(
      new RegExp(`^DATA_DIR ${file} cannot be used for the database: .+`),
    );
    await expect(start(file)).rejects.toBeInstanceOf(StartError);
  });

  it('is named when another major version made its database', async () => {
    const folder = join(dataDir, 'older');
    const cluster = join(folder, 'postgres', 'cluster');
    await mkdir(cluster, { recursive: true });
    await writeFile(join(cluster, 'PG_VERSION'), '9\n');
    if (process.getuid?.() === 0) await chown(cluster, 65534, 65534);
    await expect(start(folder)).rejects.toThrow(
      /created by PostgreSQL 9, .+ DATA_DIR.+ DATABASE_URL/,
    );
  });

  it('is named when the database it led to is gone', async () => {
    const folder = join(dataDir, 'led-away');
    await mkdir(folder);
    await symlink(join(dataDir, 'nowhere'), join(folder, 'postgres'));
    await expect(start(folder)).rejects.toThrow(/^DATA_DIR .+ cannot be used for the database: /);
  });
});
