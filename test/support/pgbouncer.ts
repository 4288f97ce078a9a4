import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, removeFolder } from './folder.js';
import { isListening } from './http-proxies.js';
import { programPath } from './system-programs.js';
import { findFreePort, type TcpPostgres } from './tcp-postgres.js';
import { waitFor } from './wait.js';

/** A PgBouncer in transaction mode, as Debian's package has it, before a server. */
export interface PgBouncer {
  /** A DATABASE_URL that leads through it. */
  readonly url: string;
  readonly port: number;
  /** Kills it and starts it anew, on the same port. */
  restart(): Promise<void>;
  /** @throws Error with its last words if it has ended by itself */
  requireRunning(): void;
  stop(): Promise<void>;
}

/** Debian's user and group `nobody`: PgBouncer refuses to run as root. */
const NOBODY = 65_534;

/**
 * @param poolSize how many sessions of the server all its clients at one database share
 * @param more lines of its file
 */
export async function startPgBouncer(
  {
    port: target,
    password,
    user: role = 'gateway',
  }: Pick<TcpPostgres, 'port'> & { readonly password?: string; readonly user?: string },
  poolSize: number,
  more: readonly string[] = [],
): Promise<PgBouncer> {
  const folder = await makeFolder();
  const port = await findFreePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${target} user=${role}${password === undefined ? '' : ` password='${password}'`}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 2000
server_login_retry = 1
${more.join('\n')}
`,
  );
  await chmod(folder, 0o755);
  await chmod(file, 0o644);
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const url = `postgresql://${role}@127.0.0.1:${port}/postgres`;
  const start = async () => {
    const child = spawn(programPath('pgbouncer'), [file], {
      ...user,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (text) => {
      log += text;
    });
    const ended = once(child, 'exit');
    await waitFor(
      'PgBouncer to listen',
      () => {
        if (hasEnded(child)) throw new Error(log);
        return isListening(port);
      },
      { everyMs: 50 },
    );
    return { child, ended, log: () => log };
  };
  const end = async (signal: NodeJS.Signals) => {
    running.child.kill(signal);
    await running.ended;
  };
  let running = await start();
  return {
    url,
    port,
    restart: async () => {
      await end('SIGKILL');
      running = await start();
    },
    requireRunning: () => {
      const { child, log } = running;
      if (!hasEnded(child)) return;
      const how = `with ${child.exitCode ?? child.signalCode}`;
      throw new Error(`PgBouncer ended by itself ${how}: ${log().slice(-1_000)}`);
    },
    stop: async () => {
      await end('SIGINT');
      await removeFolder(folder);
    },
  };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null;
