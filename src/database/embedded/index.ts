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

/** One whose server may be on its way up. */
interface LaunchedDatabase extends EmbeddedDatabase {
  /** Resolves when it can be used. */
  readonly isUp: Promise<void>;
}

interface EmbeddedPlace {
  readonly dataDir: string;
  /** Takes a line for the operator before each step that may take over a second. */
  readonly onProgress: (line: string) => void;
}

/**
 * Starts the embedded PostgreSQL of a data folder, or joins it when it runs already, even after its
 * starter was killed. Should it crash later, it is started again. Connections are by unix socket
 * only.
 *
 * @throws StartError when it cannot run here.
 */
export async function startEmbedded(parameters: EmbeddedPlace): Promise<EmbeddedDatabase> {
  const launched = await launchEmbedded(parameters);
  try {
    await launched.isUp;
    return launched;
  } catch (error) {
    await launched.stop();
    throw error;
  }
}

/** Like `startEmbedded`, and does not wait for the server, which takes a while to come up. */
export async function launchEmbedded({
  dataDir,
  onProgress,
}: EmbeddedPlace): Promise<LaunchedDatabase> {
  const found = await findHome(resolve(dataDir), onProgress);
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
  let hold: Promise<pg.Client | undefined> = holdServer(home, binaries, connection).then(watch);
  const isUp = hold.then(async (client) => {
    if (!client) return;
    await ensureDatabaseAndRole(client, connection.database, gatewayRole);
  });
  // Those who wait for it are told.
  isUp.catch(() => undefined);

  return {
    isUp,
    connection,
    gateway: { ...connection, user: gatewayRole },
    stop: async () => {
      stopping = true;
      await isUp.catch(() => undefined);
      const client = await hold.catch(() => undefined);
      if (client) await releaseServer(home, binaries, client);
      await socket.close();
    },
  };
}

/** Asks for both at once: every answer waits for its turn behind the modules that load meanwhile. */
async function ensureDatabaseAndRole(
  client: pg.Client,
  database: string,
  role: string,
): Promise<void> {
  const { rows } = await client.query<{ has_database: boolean; has_role: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS has_database,
       EXISTS (SELECT FROM pg_roles WHERE rolname = $2) AS has_role`,
    [database, role],
  );
  if (!rows[0]?.has_database) await make(client, `CREATE DATABASE ${database}`);
  if (!rows[0]?.has_role) await make(client, `CREATE ROLE ${role} LOGIN`);
}

async function make(client: pg.Client, statement: string): Promise<void> {
  await client.query(statement).catch((error: pg.DatabaseError) => {
    // Another process made it in between: duplicate_database, duplicate_object, or unique_violation
    // when truly at once.
    if (!['42P04', '42710', '23505'].includes(error.code ?? '')) throw error;
  });
}
