import { type ChildProcess, spawn } from 'node:child_process';
import { open, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.js';
import { clusterFolder, type Home } from './home.js';
import { launchOptions, run } from './process.js';

const settings = {
  listen_addresses: '',
  // Relative to the cluster, which spares the server the limit of 107 bytes on a socket's path.
  unix_socket_directories: '.',
  unix_socket_permissions: '0700',
  port: '5432',
  max_connections: '100',
  shared_buffers: '64MB',
  // No replica or archive follows this database, so the log need only survive a crash.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '512MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Failed statements are the gateway's to log, without the values in them.
  log_min_messages: 'log',
  log_checkpoints: 'off',
};

/** Size in bytes above which a new log is started. */
const largestLog = 1024 * 1024;

/**
 * Starts a server on the cluster, in a session of its own: Ctrl-C in the terminal must not reach it
 * before the requests in flight are done.
 *
 * @returns once the process exists; it may not be ready yet. `ended` resolves with what it wrote,
 * should it end.
 */
export async function launchServer(
  home: Home,
  binaries: Binaries,
): Promise<{ ended: Promise<string> }> {
  const log = await open(join(home.folder, 'server.log'), 'a+');
  try {
    if ((await log.stat()).size > largestLog) await log.truncate();
    const { size } = await log.stat();
    const parameters = Object.entries(settings).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const child = spawn(binaries.postgres, ['-D', clusterFolder(home), ...parameters], {
      ...launchOptions(home.user),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    return {
      ended: whenEnded(child).then(
        (reason) => reason ?? readFrom(join(home.folder, 'server.log'), size),
      ),
    };
  } finally {
    await log.close();
  }
}

/** Ends the server's sessions and the server, and waits until its files are closed. */
export async function shutServerDown(home: Home, binaries: Binaries): Promise<void> {
  await run(
    binaries.pgControl,
    ['stop', '--pgdata', clusterFolder(home), '--mode', 'fast', '--timeout', '30'],
    home.user,
  );
}

/**
 * After a container restarts, the process number a killed server left in `postmaster.pid` can be
 * another program's, and PostgreSQL would wait for that one for ever. The file is removed when no
 * process works in the cluster's folder.
 *
 * @returns whether it was removed; never on systems without /proc.
 */
export async function removeForeignPid(home: Home): Promise<boolean> {
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  if (processes.length === 0) return false;
  const folders = await Promise.all(
    processes.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => undefined)),
  );
  if (folders.includes(clusterFolder(home))) return false;
  await rm(join(clusterFolder(home), 'postmaster.pid'), { force: true });
  return true;
}

function whenEnded(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', () => resolve(undefined));
  });
}

async function readFrom(path: string, offset: number): Promise<string> {
  return (await readFile(path)).subarray(offset).toString();
}
