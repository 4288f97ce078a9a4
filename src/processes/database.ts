import type { Config } from '../config.js';
import {
  bringUpToDate,
  type DatabaseConnection,
  type Found,
  findDatabase,
} from '../database/index.js';
import type { Logger } from '../lib/logger.js';

interface DatabaseParts {
  readonly migrations: string;
  readonly mayMigrate: boolean;
  readonly logger: Logger;
  readonly say: (line: string) => void;
  /** Aborts when the process is to end. */
  readonly stopping: AbortSignal;
}

/** A database on its way up. What is told of it rejects with a `StartError` if it cannot be used. */
export interface RisingDatabase {
  /** Where it is, or will be. */
  readonly connection: Promise<DatabaseConnection>;
  /** Resolves when it answers and is migrated. */
  readonly isReady: Promise<void>;
  /** Lets go of it, once it is up. Close the pools first. */
  stop(): Promise<void>;
}

/** Begins to find or start the database, and to migrate it. */
export function bringUpDatabase(config: Config, parts: DatabaseParts): RisingDatabase {
  const found = findDatabase(config, parts.say, parts.stopping);
  const connection = found.then((database) => database.connection);
  const isReady = found.then((database) => prepare(database, parts));
  // Those who wait for them are told.
  for (const told of [connection, isReady]) told.catch(() => undefined);
  return {
    connection,
    isReady,
    stop: async () => {
      await isReady.catch(() => undefined);
      await found.then(
        (database) => database.stop(),
        () => undefined,
      );
    },
  };
}

async function prepare(database: Found, parts: DatabaseParts): Promise<void> {
  const { migrations, mayMigrate, logger, say } = parts;
  await database.answers;
  const { applied, mayChangeAudit } = await bringUpToDate(database, migrations, mayMigrate);
  if (mayChangeAudit)
    logger.warn(
      'the database user of the gateway could change the audit log: set ROLLCALL_MIGRATE_URL to the user who owns the tables, and DATABASE_URL to another one',
    );
  if (applied.length > 0) say(`Migrated the database (${applied.length} new).`);
}
