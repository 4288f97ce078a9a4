import pg from 'pg';
import { StartError } from '../lib/start-error.js';
import { type DatabaseConnection, Hosts, isPostgresUrl, requireWritable } from './hosts.js';

const oldestVersion = 14;

/**
 * Milliseconds to wait for a connection, so that an address nobody answers at is an error and not a
 * silence.
 */
export const connectTimeout = 10_000;

/** Why a connection failed, by the codes of Node and PostgreSQL (its appendix A). */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  '28P01': 'the user name or password is wrong',
  '28000': 'the user may not log in',
  '3D000': 'the database does not exist',
  '42501': 'the user may not use the database',
};

/**
 * Makes sure that a PostgreSQL Rollcall can use answers.
 *
 * @param variable names the connection in what is said
 * @throws StartError naming it when none answers, it refuses us, is older than 14 or not
 * in UTF-8.
 */
export async function checkConnection(
  connection: DatabaseConnection,
  variable = 'DATABASE_URL',
): Promise<void> {
  const { all } = hostsOf(connection, variable);
  for (const [index, one] of all.entries()) {
    const isLast = index === all.length - 1;
    const checked = await checkHost(one, variable).catch((error: StartError) => {
      if (isLast) throw error;
      return false;
    });
    if (checked !== false) return;
  }
}

function hostsOf(connection: DatabaseConnection, variable: string): Hosts {
  const { connectionString } = connection;
  if (connectionString !== undefined && isPostgresUrl(connectionString))
    requireWritable(connectionString, variable);
  return new Hosts(connection);
}

async function checkHost(connection: DatabaseConnection, variable: string): Promise<void> {
  const client = createClient(connection, variable);
  const place = `${client.host}:${client.port}`;
  try {
    await client.connect();
    const { rows } = await client.query<Server>(
      `SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding,
         current_setting('transaction_read_only')::boolean AS read_only`,
    );
    const { version = '', encoding = '', read_only = false } = rows[0] ?? {};
    if (Number.parseInt(version, 10) < oldestVersion) {
      throw new StartError(
        `${variable}: ${place} runs PostgreSQL ${version}, and Rollcall needs ${oldestVersion} or newer.`,
      );
    }
    if (encoding !== 'UTF8')
      throw new StartError(
        `${variable}: the database at ${place} is in ${encoding}, and Rollcall needs UTF8.`,
      );
    if (read_only)
      throw new StartError(
        `${variable}: the PostgreSQL at ${place} takes no writes: it is a standby, or default_transaction_read_only is on. Name the primary, or all hosts separated by commas.`,
      );
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new StartError(
      `${variable}: cannot use the PostgreSQL at ${place}: ${reasons[code] ?? message}.`,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

interface Server {
  readonly version: string;
  readonly encoding: string;
  readonly read_only: boolean;
}

/** A client that is not connected yet. */
function createClient(connection: DatabaseConnection, variable: string): pg.Client {
  try {
    const client = new pg.Client({
      ...connection,
      connectionTimeoutMillis: connectTimeout,
      query_timeout: connectTimeout,
    });
    // A connection that breaks also fails the query on it, and that is reported.
    client.on('error', () => undefined);
    return client;
  } catch {
    // Its own message may quote the URL, and that holds the password.
    throw new StartError(
      `${variable} is not a PostgreSQL address such as postgresql://user:password@host:5432/database.`,
    );
  }
}
