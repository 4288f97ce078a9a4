import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { StartError } from '../lib/start-error.js';
import { type DatabaseConnection, Hosts, isPostgresUrl, requireWritable } from './hosts.js';

const oldestVersion = 14;

/**
 * Milliseconds to wait for a connection, so that an address nobody answers at is an error and not a
 * silence.
 */
export const connectTimeout = 10_000;
/**
 * Milliseconds for which a start asks a PostgreSQL that takes nobody at the moment, and between two
 * times, each over a connection of its own.
 */
const PATIENCE_MS = 3 * connectTimeout;
const PAUSE_MS = 1_000;

/** The only schema: Prisma names it in each query, and SQL by hand finds it by `search_path`. */
const SCHEMA = 'public';
const PRIVATE_CA = ': add sslrootcert=/path/to/ca.pem to the address';

/** It may take us the next time: it starts, it fails over, or this machine is busy. */
class NotNow extends StartError {}

const NOT_NOW: Readonly<Record<string, string>> = {
  '57P01': 'it is shutting down',
  '57P02': 'it is restarting after a crash',
  '57P03': 'it is starting up, or shutting down',
  '53300': 'all connections that it allows are in use',
};

/** Why a connection failed, by the codes of Node and PostgreSQL (its appendix A). */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  '28P01': 'the user name or password is wrong',
  '28000': 'the user may not log in',
  '3D000': 'the database does not exist',
  '42501': 'the user may not use the database',
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate was issued by a private authority${PRIVATE_CA}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is self-signed${PRIVATE_CA}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate was issued by an unknown authority${PRIVATE_CA}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate was issued by an unknown authority${PRIVATE_CA}`,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another host name: use the name that it is for',
};

/**
 * Makes sure that a PostgreSQL Rollcall can use answers.
 *
 * @param variable names the connection in what is said
 * @param stopping ends the time for which one that takes nobody at the moment is asked
 * @throws StartError naming it when none answers, it refuses us, is older than 14 or not
 * in UTF-8.
 */
export async function checkConnection(
  connection: DatabaseConnection,
  variable = 'DATABASE_URL',
  stopping?: AbortSignal,
): Promise<void> {
  const { all } = hostsOf(connection, variable);
  const started = performance.now();
  for (;;) {
    try {
      await checkHosts(all, variable);
      return;
    } catch (error) {
      if (!(error instanceof NotNow) || performance.now() - started >= PATIENCE_MS) throw error;
      await sleep(PAUSE_MS, undefined, { ...(stopping && { signal: stopping }) });
    }
  }
}

/** One host that serves us is enough; of several one that may yet do so is waited for. */
async function checkHosts(all: Hosts['all'], variable: string): Promise<void> {
  const errors: unknown[] = [];
  for (const one of all) {
    try {
      await checkHost(one, variable);
      return;
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors.find((error) => error instanceof NotNow) ?? errors.at(-1);
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
         current_setting('transaction_read_only')::boolean AS read_only, current_schema() AS schema`,
    );
    const { version = '', encoding = '', read_only = false, schema = null } = rows[0] ?? {};
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
    requirePublic(connection, schema, variable);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code = '', message } = error as NodeJS.ErrnoException;
    const cannot = `${variable}: cannot use the PostgreSQL at ${place}`;
    // pg tells its own timeouts by their texts alone; those of the server have a code.
    if (code === 'ETIMEDOUT' || (code === '' && /timeout/i.test(message)))
      throw new NotNow(`${cannot}: it does not answer.`);
    const notNow = NOT_NOW[code];
    if (notNow !== undefined) throw new NotNow(`${cannot}: ${notNow}.`);
    throw new StartError(`${cannot}: ${reasons[code] ?? message}.`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

interface Server {
  readonly version: string;
  readonly encoding: string;
  readonly read_only: boolean;
  /** `null`: none that the user may use. */
  readonly schema: string | null;
}

/** @throws StartError where the tables would be, or are asked to be, elsewhere */
function requirePublic(
  { connectionString }: DatabaseConnection,
  schema: string | null,
  variable: string,
): void {
  const asked =
    connectionString === undefined ? null : new URL(connectionString).searchParams.get('schema');
  const other = asked !== null && asked !== SCHEMA ? asked : schema;
  if (other === SCHEMA) return;
  throw new StartError(
    other === null
      ? `${variable}: the user may not use the schema ${SCHEMA}, or search_path lacks it. Run \`GRANT USAGE ON SCHEMA ${SCHEMA} TO …\`, and leave search_path as it is.`
      : `${variable}: it leads to the schema ${other}, and Rollcall keeps its tables in ${SCHEMA}. Leave out schema and search_path, of the address and of the user, and use a database for Rollcall alone.`,
  );
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
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (path !== undefined)
      throw new StartError(
        `${variable}: the file ${path} that it names for TLS cannot be read (${code}).`,
      );
    // Its own message may quote the URL, and that holds the password.
    throw new StartError(
      `${variable} is not a PostgreSQL address such as postgresql://user:password@host:5432/database.`,
    );
  }
}
