import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { makeFolder, removeFolder } from './folder.js';
import { programPath } from './system-programs.js';
import { findFreePort, type TcpPostgres } from './tcp-postgres.js';
import { waitFor } from './wait.js';

/** A PgBouncer in transaction mode, as Debian's package has it, before a server. */
export interface PgBouncer {
  /** A DATABASE_URL that leads through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Debian's user and group `nobody`: PgBouncer refuses to run as root. */
const NOBODY = 65_534;

/** @param poolSize how many sessions of the server all its clients share */
export async function startPgBouncer(
  { port: target, password }: TcpPostgres,
  poolSize: number,
): Promise<PgBouncer> {
  const folder = await makeFolder();
  const port = await findFreePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${target} user=gateway password='${password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
`,
  );
  await chmod(folder, 0o755);
  await chmod(file, 0o644);
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn(programPath('pgbouncer'), [file], {
    ...user,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (text) => {
    log += text;
  });
  const ended = once(child, 'exit');
  const url = `postgresql://gateway@127.0.0.1:${port}/postgres`;
  await waitFor(
    'PgBouncer to answer',
    async () => {
      if (child.exitCode !== null) throw new Error(log);
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => undefined);
      return client.connect().then(
        () => client.end().then(() => true),
        () => false,
      );
    },
    { everyMs: 50 },
  );
  return {
    url,
    stop: async () => {
      child.kill('SIGINT');
      await ended;
      await removeFolder(folder);
    },
  };
}
