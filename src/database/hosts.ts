import pg from 'pg';
import { StartError } from '../lib/start-error.js';

/** How to reach a PostgreSQL, in the words of `pg`: a `connectionString`, or the parts of one. */
export type DatabaseConnection = Pick<
  pg.PoolConfig,
  'connectionString' | 'host' | 'port' | 'user' | 'password' | 'database' | 'ssl'
>;

const ADDRESS = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/;
/** What libpq may ask of a server that the gateway asks of all: that it takes writes. */
const SESSION_ATTRS: readonly string[] = ['any', 'read-write', 'primary'];
/** The longest that one of several hosts is waited for. */
export const HOST_MS = 3_000;
/** PostgreSQL's `read_only_sql_transaction`. */
export const READ_ONLY = '25006';

/** The servers that an address names, the one that served last first in turn. */
export class Hosts {
  readonly all: readonly DatabaseConnection[];
  private index = 0;

  /** @param connection whose `connectionString` may name several hosts, as libpq takes them */
  constructor(connection: DatabaseConnection) {
    const { connectionString } = connection;
    this.all =
      connectionString === undefined
        ? [connection]
        : splitHosts(connectionString).map((one) => ({ ...connection, connectionString: one }));
  }

  get current(): DatabaseConnection {
    return this.all[this.index] as DatabaseConnection;
  }

  /** The next one is asked from now on, unless another was meanwhile. */
  passOver(one: DatabaseConnection): void {
    if (one === this.current) this.index = (this.index + 1) % this.all.length;
  }
}

/**
 * One address for each host of a PostgreSQL URL: `postgresql://a:1,b:2/db` names two.
 * @returns the URL itself where it names one
 */
export function splitHosts(url: string): string[] {
  const [, before = '', hosts = '', after = ''] = ADDRESS.exec(url) ?? [];
  if (!hosts.includes(',')) return [url];
  return hosts.split(',').map((host) => before + host + after);
}

/** Whether each host of the URL makes a PostgreSQL URL that `pg` can read. */
export function isPostgresUrl(url: string): boolean {
  return splitHosts(url).every((one) => ADDRESS.test(one) && URL.canParse(one));
}

/** @throws StartError where the URL asks for servers that take no writes */
export function requireWritable(url: string, variable: string): void {
  const [one = ''] = splitHosts(url);
  const asked = new URL(one).searchParams.get('target_session_attrs');
  if (asked === null || SESSION_ATTRS.includes(asked)) return;
  throw new StartError(
    `${variable}: target_session_attrs=${asked} asks for a server that takes no writes. Set it to read-write, or leave it out.`,
  );
}

/** To those who look at its code it is a write that a server refused. */
export function readOnly(): Error {
  return Object.assign(new Error('the server takes no writes'), { code: READ_ONLY });
}

/**
 * Connects to the first host that takes writes.
 * @throws Error of the last one when none does
 */
export async function openWritable(
  connection: DatabaseConnection,
  more: pg.ClientConfig,
): Promise<pg.Client> {
  const { all } = new Hosts(connection);
  let failure: unknown;
  for (const one of all) {
    const bound = all.length > 1 ? { connectionTimeoutMillis: HOST_MS } : {};
    const client = new pg.Client({ ...one, ...more, ...bound });
    client.on('error', () => undefined);
    try {
      await client.connect();
      if (!(await isReadOnly(client))) return client;
      failure = readOnly();
    } catch (error) {
      failure = error;
    }
    await client.end().catch(() => undefined);
  }
  throw failure;
}

async function isReadOnly(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ on: string }>(
    `SELECT current_setting('transaction_read_only') AS on`,
  );
  return rows[0]?.on === 'on';
}
