import { checkConnection } from './connection.js';
import { launchEmbedded } from './embedded/index.js';
import type { DatabaseConnection } from './hosts.js';
import { migrate, requireMigrated } from './migrate.js';
import { grantTo, mayChangeAudit, rightsOf } from './privileges.js';

/** Where the configuration says that the database is. */
export interface DatabasePlace {
  /** Absent: the embedded one in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** The same database without the pooler before it, for migrations. Absent: there is none. */
  readonly directUrl?: string | undefined;
  /** The same database for a user who owns the tables. Absent: `databaseUrl` is for that one. */
  readonly migrateUrl: string | undefined;
  readonly dataDir: string;
}

/** A database that answers. */
interface Connected {
  /** For all that the gateway does. */
  readonly connection: DatabaseConnection;
  /** For migrations: the role that owns the tables, past any pooler. Absent: `connection` migrates. */
  readonly owner: DatabaseConnection | undefined;
  /** Lets go of an embedded server. Close the pools first. */
  stop(): Promise<void>;
}

/** One that may not answer yet. */
export interface Found extends Connected {
  /** Resolves when it answers; rejects with a `StartError` when it cannot be used. */
  readonly answers: Promise<void>;
}

/**
 * Finds the database, starts the embedded one, and waits until it answers.
 * @param onProgress takes a line for the operator before each step that may take over a second
 * @throws StartError when there is none that can be used
 */
export async function connect(
  place: DatabasePlace,
  onProgress: (line: string) => void,
): Promise<Connected> {
  const found = await findDatabase(place, onProgress);
  try {
    await found.answers;
    return found;
  } catch (error) {
    await found.stop();
    throw error;
  }
}

/**
 * Like `connect`, and does not wait: the embedded server takes a while to come up.
 * @param stopping ends the time for which a database that takes nobody at the moment is asked
 */
export async function findDatabase(
  { databaseUrl, directUrl, migrateUrl, dataDir }: DatabasePlace,
  onProgress: (line: string) => void,
  stopping?: AbortSignal,
): Promise<Found> {
  if (databaseUrl === undefined) {
    const { connection, gateway, isUp, stop } = await launchEmbedded({ dataDir, onProgress });
    return { connection: gateway, owner: connection, answers: isUp, stop };
  }
  const connection = { connectionString: databaseUrl };
  const owning = migrateUrl ?? directUrl;
  const owner = owning === undefined ? undefined : { connectionString: owning };
  const variable = migrateUrl === undefined ? 'DATABASE_DIRECT_URL' : 'ROLLCALL_MIGRATE_URL';
  const check = async () => {
    await checkConnection(connection, 'DATABASE_URL', stopping);
    if (owner) await checkConnection(owner, variable, stopping);
  };
  return { connection, owner, answers: check(), stop: async () => undefined };
}

/**
 * Migrates the database, and gives the gateway's role what it needs of it.
 * @param folder see `migrate`
 * @param mayMigrate `false`: it must have been done before, and nothing is changed
 * @returns the names of the migrations that were applied, and whether the gateway's role could
 * change the audit log, as it can where it owns the tables
 * @throws StartError when the schema is not one that this release runs on
 */
export async function bringUpToDate(
  { connection, owner }: Pick<Connected, 'connection' | 'owner'>,
  folder: string,
  mayMigrate = true,
): Promise<{ readonly applied: string[]; readonly mayChangeAudit: boolean }> {
  if (!mayMigrate) {
    await requireMigrated(connection, folder);
    return { applied: [], mayChangeAudit: await mayChangeAudit(connection) };
  }
  if (!owner) {
    const applied = await migrate(connection, folder);
    return { applied, mayChangeAudit: await mayChangeAudit(connection) };
  }
  // Asked at the same time: a start that has nothing to migrate mostly has nothing to grant either.
  const asFound = rightsOf(connection, owner).catch(() => undefined);
  const applied = await migrate(owner, folder);
  const rights = applied.length === 0 ? await asFound : undefined;
  return {
    applied,
    mayChangeAudit: rights?.isComplete ? rights.mayChange : await grantTo(connection, owner),
  };
}
