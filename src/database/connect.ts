import { checkConnection, type DatabaseConnection } from './connection.js';
import { startEmbedded } from './embedded/index.js';

/** Where the configuration says that the database is. */
export interface DatabasePlace {
  /** Absent: the embedded one in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
}

/** A database that answers. */
export interface Connected {
  readonly connection: DatabaseConnection;
  /** Lets go of an embedded server. Close the pools first. */
  stop(): Promise<void>;
}

/**
 * Finds the database, and starts the embedded one.
 * @param onProgress takes a line for the operator before each step that may take over a second
 * @throws StartError when there is none that can be used
 */
export async function connect(
  { databaseUrl, dataDir }: DatabasePlace,
  onProgress: (line: string) => void,
): Promise<Connected> {
  if (databaseUrl === undefined) return startEmbedded({ dataDir, onProgress });
  const connection = { connectionString: databaseUrl };
  await checkConnection(connection);
  return { connection, stop: async () => undefined };
}
