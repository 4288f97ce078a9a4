import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { DatabaseConnection } from '../hosts.js';
import { findBinaries } from './binaries.js';
import { ensureCluster, gatewayRole, superuser } from './cluster.js';
import { holdServer, releaseServer } from './hold.js';
import { clusterFolder, findHome } from './home.js';
import { openSocketFolder, socketPort } from './socket.js';
import { takeOver } from './take-over.js';

/** A PostgreSQL of our own, shared by every process on the same data folder. */
export interface EmbeddedDatabase {
  /** As the superuser, who owns the tables. */
  readonly connection: DatabaseConnection;
  /** As the role that the gateway works as, which owns nothing. */
  readonly gateway: DatabaseConnection;
  /**
   * Releases the server; the last process to release it shuts it down. Close the pools first.
   */
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL of a data folder, or joins it when it runs already, even after its
 * starter was killed. Should it crash later, it is started again. Connections are by unix socket
 * only.
 *
 * @param onProgress takes a line for the operator before each step that may take over a second.
 * @throws StartError when it cannot run here.
 */
export async function startEmbedded(parameters: {
  dataDir: string;
  onProgress: (line: string) => void;
}): Promise<EmbeddedDatabase> {
  const { onProgress } = parameters;
  const found = await findHome(resolve(parameters.dataDir), onProgress);
  const binaries = await findBinaries(found, onProgress);
  await ensureCluster(found, binaries, onProgress);
  const socket = await openSocketFolder(clusterFolder(found));
  const connection = {
    host: socket.path,
    port: socketPort,
    user: superuser,
    database: 'rollcall',
    ssl: false,
  };
  const home = await takeOver(found, binaries, connection, onProgress);

  let stopping = false;
  const first = await holdServer(home, binaries, connection);
  await ensureDatabase(first, connection.database);
  await ensureRole(first, gatewayRole);
  let hold: Promise<pg.Client | undefined> = Promise.resolve(first);

  const holdAgain = async (): Promise<pg.Client | undefined> => {
    while (!stopping) {
      try {
        return watch(await holdServer(home, binaries, connection));
      } catch (error) {
        onProgress((error as Error).message);
        await sleep(1000);
      }
    }
    return undefined;
  };
  const watch = (client: pg.Client): pg.Client =>
    client.once('end', () => {
      if (stopping) return;
      onProgress('The embedded PostgreSQL stopped unexpectedly; restarting it');
      hold = holdAgain();
    });
  watch(first);

  return {
    connection,
    gateway: { ...connection, user: gatewayRole },
    stop: async () => {
      stopping = true;
      const client = await hold;
      if (client) await releaseServer(home, binaries, client);
      await socket.close();
    },
  };
}

async function ensureDatabase(client: pg.Client, name: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (!rowCount) await make(client, `CREATE DATABASE ${name}`);
}

async function ensureRole(client: pg.Client, name: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
  if (!rowCount) await make(client, `CREATE ROLE ${name} LOGIN`);
}

async function make(client: pg.Client, statement: string): Promise<void> {
  await client.query(statement).catch((error: pg.DatabaseError) => {
    // Another process made it in between: duplicate_database, duplicate_object, or unique_violation
    // when truly at once.
    if (!['42P04', '42710', '23505'].includes(error.code ?? '')) throw error;
  });
}
