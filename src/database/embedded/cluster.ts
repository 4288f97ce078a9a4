import { randomUUID } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../../lib/start-error.js';
import type { Binaries } from './binaries.js';
import { clusterFolder, type Home } from './home.js';
import { run } from './process.js';

/** The database's superuser. */
export const superuser = 'rollcall';

/**
 * Makes the database's files, once. Processes that start together may each make some; the first
 * rename wins, so a cluster is complete or absent and no lock is needed.
 *
 * @throws StartError when the cluster cannot be made or another major version of PostgreSQL made
 * it.
 */
export async function ensureCluster(
  home: Home,
  binaries: Binaries,
  onProgress: (line: string) => void,
): Promise<void> {
  const cluster = clusterFolder(home);
  if ((await versionOf(cluster)) === undefined) {
    onProgress(`Creating the database in ${home.folder}`);
    await createCluster(home, binaries);
  }
  const version = await versionOf(cluster);
  if (version === binaries.majorVersion) return;
  throw new StartError(
    `The database in ${home.folder} was created by PostgreSQL ${version}, and the embedded one is ${binaries.majorVersion}. Choose another DATA_DIR, or set DATABASE_URL.`,
  );
}

async function createCluster(home: Home, binaries: Binaries): Promise<void> {
  const unfinished = `${clusterFolder(home)}.${process.pid}.${randomUUID()}`;
  await removeAbandoned(home);
  await mkdir(unfinished, { mode: 0o700 });
  try {
    if (home.user) await chown(unfinished, home.user.uid, home.user.gid);
    const { code, output } = await run(binaries.initdb, initdbParameters(unfinished), home.user);
    if (code !== 0)
      throw new StartError(
        `The database could not be created in ${home.folder}: ${errorIn(output)}`,
      );
    await rename(unfinished, clusterFolder(home));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function errorIn(output: string): string {
  const lines = output.split('\n');
  return lines.find((line) => /error|FATAL/.test(line)) ?? lines.at(-1) ?? '';
}

/**
 * PostgreSQL's own C.UTF-8 sorts alike on every platform. No password is asked because the only way
 * in is a socket in the cluster's folder, which has mode 0700.
 */
function initdbParameters(folder: string): string[] {
  return [
    ...['--pgdata', folder, '--username', superuser, '--auth', 'trust', '--encoding', 'UTF8'],
    ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C'],
  ];
}

async function versionOf(cluster: string): Promise<string | undefined> {
  try {
    return (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`The database in ${cluster} cannot be read: ${(error as Error).message}`);
  }
}

/** What a process killed during creation left. */
async function removeAbandoned(home: Home): Promise<void> {
  for (const name of await readdir(home.folder)) {
    const maker = /^cluster\.(\d+)\./.exec(name)?.[1];
    if (maker && !isRunning(Number(maker)))
      await rm(join(home.folder, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
