import { randomUUID } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../../lib/start-error.js';
import type { Binaries } from './binaries.js';
import { admitRootAlone, handOver } from './hand-over.js';
import { clusterFolder, type Home } from './home.js';
import { run, type SystemUser } from './process.js';
import { findNobody } from './server-user.js';

/** The database's superuser. */
export const superuser = 'rollcall';
/** The role that the gateway works as: it owns nothing. */
export const gatewayRole = 'rollcall_gateway';

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
  await removeAbandoned(home);
  const unfinished = join(home.folder, `cluster.${process.pid}.${randomUUID()}`);
  try {
    const made = await initialize(home.user, binaries, unfinished, [
      ...['--username', superuser, '--auth', 'trust', '--encoding', 'UTF8'],
      // PostgreSQL's own C.UTF-8 sorts alike on every platform.
      ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C'],
    ]);
    if (made.failure !== undefined)
      throw new StartError(
        `The database could not be created in ${home.folder}: ${errorIn(made.failure)}`,
      );
    if (home.user) await admitRootAlone(made.cluster, home.user);
    await rename(made.cluster, clusterFolder(home));
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/**
 * Runs `initdb` for a cluster inside `folder`, which it makes. Where the server has a user of its
 * own, which has no name, `nobody` runs it: in that user's group, without which nobody comes into
 * the folder, so that other processes of `nobody` have no part in it.
 *
 * @returns the cluster, and what `initdb` said if it failed
 */
export async function initialize(
  user: SystemUser | undefined,
  binaries: Binaries,
  folder: string,
  parameters: readonly string[],
): Promise<{ cluster: string; failure: string | undefined }> {
  const maker = user && { uid: (await findNobody()).uid, gid: user.gid };
  const cluster = join(folder, 'cluster');
  await mkdir(folder, { mode: maker ? 0o710 : 0o700 });
  if (maker) await chown(folder, 0, maker.gid);
  await mkdir(cluster, { mode: 0o700 });
  if (maker) await chown(cluster, maker.uid, maker.gid);
  const { code, output } = await run(binaries.initdb, ['--pgdata', cluster, ...parameters], maker);
  if (code !== 0) return { cluster, failure: output };
  if (user && maker) await handOver(cluster, maker, user);
  return { cluster, failure: undefined };
}

function errorIn(output: string): string {
  const lines = output.split('\n');
  return lines.find((line) => /error|FATAL/.test(line)) ?? lines.at(-1) ?? '';
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
