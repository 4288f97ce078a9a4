import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { bringUpToDate, type DatabaseConnection, startEmbedded } from '../../src/database/index.js';
import { checkout } from './checkout.js';
import { startPgBouncer } from './pgbouncer.js';
import { isRunning } from './processes.js';

/** The PostgreSQL that all test files of a run make their databases on. */
export interface TestServer {
  /** As the owner of the tables. */
  readonly owner: DatabaseConnection;
  /** As the role that gateways work as, which owns nothing. */
  readonly gateway: DatabaseConnection;
  /** The name of a migrated database to copy. */
  readonly template: string;
}

export const migrationsFolder = join(checkout, 'prisma', 'migrations');

/** One server for all runs at once and for later ones; the last run to end shuts it down. */
const dataDir = join(
  tmpdir(),
  `rollcall-test-${createHash('sha256').update(checkout).digest('hex').slice(0, 12)}-${process.getuid?.()}`,
);

/** Any number: it keeps runs from making the template at the same time. */
const TEMPLATE_LOCK = 1;

/** Fewer sessions than a gateway asks for, each without memory of the transaction before. */
const POOLED_SESSIONS = 4;
const FORGETFUL = ['server_reset_query_always = 1'];

/** Nothing here outlives a crash of the machine, so that no commit waits for the disk. */
const SETTINGS = [
  'ALTER SYSTEM SET fsync = off',
  'ALTER SYSTEM SET full_page_writes = off',
  'ALTER SYSTEM SET synchronous_commit = off',
  // A test reads back what it wrote to the log, which the checkpoints of others would remove.
  "ALTER SYSTEM SET wal_keep_size = '1GB'",
  'SELECT pg_reload_conf()',
];

/**
 * Starts it, and with TEST_THROUGH_POOLER=on a PgBouncer before it, through which gateways then
 * reach it.
 */
export async function startTestServer(): Promise<TestServer & { stop(): Promise<void> }> {
  const server = await startDirect();
  if (process.env.TEST_THROUGH_POOLER !== 'on') return server;
  const { host = '', port = 0, user = '' } = server.gateway;
  const door = await listenFor(join(host, `.s.PGSQL.${port}`));
  const pooler = await startPgBouncer({ port: door.port, user }, POOLED_SESSIONS, FORGETFUL);
  return {
    ...server,
    gateway: { ...server.gateway, host: '127.0.0.1', port: pooler.port },
    stop: async () => {
      await pooler.stop();
      door.close();
      await server.stop();
    },
  };
}

/** Passes on what comes to a port: the server knows its users by the process that opens its socket. */
async function listenFor(socket: string): Promise<{ readonly port: number; close(): void }> {
  const door = createServer((incoming) => {
    const outgoing = connect(socket);
    incoming.on('error', () => outgoing.destroy()).pipe(outgoing);
    outgoing.on('error', () => incoming.destroy()).pipe(incoming);
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  return { port: (door.address() as AddressInfo).port, close: () => door.close() };
}

async function startDirect(): Promise<TestServer & { stop(): Promise<void> }> {
  const server = await startEmbedded({ dataDir, onProgress: () => undefined });
  const admin = new pg.Client({ ...server.connection, database: 'postgres' });
  await admin.connect();
  try {
    for (const setting of SETTINGS) await admin.query(setting);
    const owner = server.connection;
    const { gateway, stop } = server;
    return { owner, gateway, template: await ensureTemplate(admin, { owner, gateway }), stop };
  } finally {
    await admin.end();
  }
}

/** @returns the name of a database that has all migrations */
async function ensureTemplate(
  admin: pg.Client,
  { owner, gateway }: Pick<TestServer, 'owner' | 'gateway'>,
): Promise<string> {
  const template = `template_${await hashMigrations()}`;
  await admin.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  const { rows } = await admin.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE NOT datistemplate`,
  );
  const names = rows.map(({ name }) => name);
  for (const name of names.filter(isAbandoned)) await dropDatabase(admin, name);
  if (names.includes(template)) return template;

  for (const name of names.filter((name) => name.startsWith('template_')))
    await dropDatabase(admin, name);
  await dropDatabase(admin, 'unfinished');
  await admin.query('CREATE DATABASE unfinished');
  await bringUpToDate(
    {
      connection: { ...gateway, database: 'unfinished' },
      owner: { ...owner, database: 'unfinished' },
    },
    migrationsFolder,
  );
  await admin.query(`ALTER DATABASE unfinished RENAME TO ${template}`);
  return template;
}

export async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
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
