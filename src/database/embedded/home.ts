import {
  access,
  chmod,
  constants,
  lstat,
  mkdir,
  mkdtemp,
  realpath,
  rmdir,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StartError } from '../../lib/start-error.js';
import { run, type SystemUser } from './process.js';
import { findNobody, ownUserOf } from './server-user.js';

/** Where the embedded PostgreSQL keeps everything, and the user it runs as. */
export interface Home {
  /** Holds the cluster, the server's log and, if need be, a copy of its programs. */
  readonly folder: string;
  /**
   * Set when this process is root, as PostgreSQL refuses to run as root; otherwise the server runs
   * as our own user.
   */
  readonly user: SystemUser | undefined;
}

/** Where root keeps databases whose data folder only root can reach, such as one under /root. */
const sharedFolder = '/var/lib/rollcall';

/**
 * Settles the home: `postgres` in the data folder or, where the server's user cannot reach that, a
 * folder of its own under /var/lib/rollcall, with `postgres` as a link to it. A home that exists is
 * kept.
 *
 * @throws StartError when the data folder cannot hold a database.
 */
export async function findHome(dataDir: string, onProgress: (line: string) => void): Promise<Home> {
  const entry = join(dataDir, 'postgres');
  try {
    await mkdir(dataDir, { recursive: true });
    return process.getuid?.() === 0
      ? await findHomeAsRoot(entry, onProgress)
      : await findOwnHome(entry);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `DATA_DIR ${dataDir} cannot be used for the database: ${(error as Error).message}`,
    );
  }
}

/** The folder of the database itself inside a home. */
export function clusterFolder(home: Home): string {
  return join(home.folder, 'cluster');
}

async function findOwnHome(entry: string): Promise<Home> {
  await unlessPresent(mkdir(entry, { mode: 0o700 }));
  const home = { folder: await realpath(entry), user: undefined };
  const owner = await ownerOf(clusterFolder(home));
  if (owner && owner.uid !== process.getuid?.()) {
    throw new StartError(
      `The database in ${home.folder} belongs to another user (${owner.uid}). Choose another DATA_DIR.`,
    );
  }
  await access(home.folder, constants.R_OK | constants.W_OK | constants.X_OK);
  return home;
}

async function findHomeAsRoot(entry: string, onProgress: (line: string) => void): Promise<Home> {
  if (!(await isPresent(entry))) await makeHomeFor(await ownUserOf(entry), entry, onProgress);
  const folder = await realpath(entry);
  const user = await userOf(folder);
  if (await canEnter(folder, user)) return { folder, user };
  throw new StartError(
    `User ${user.uid} owns the database in ${folder} but can no longer access that folder. Make it and its parents accessible (chmod o+x).`,
  );
}

async function makeHomeFor(
  user: SystemUser,
  entry: string,
  onProgress: (line: string) => void,
): Promise<void> {
  if (await canEnter(dirname(entry), user)) return unlessPresent(mkdir(entry, { mode: 0o755 }));

  await mkdir(sharedFolder, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(sharedFolder, 'database-'));
  await chmod(folder, 0o755);
  onProgress(
    `PostgreSQL does not run as root, and its user cannot access ${dirname(entry)}: the database is kept in ${folder}`,
  );
  await symlink(folder, entry).catch(async (error: NodeJS.ErrnoException) => {
    await rmdir(folder);
    if (error.code !== 'EEXIST') throw error;
  });
}

/**
 * Whoever owns the cluster, as the folder may have moved since the user was chosen; but the user of
 * former releases is shared with other programs, and the database is about to be taken from it.
 */
async function userOf(folder: string): Promise<SystemUser> {
  const owner = await ownerOf(clusterFolder({ folder, user: undefined }));
  const own = await ownUserOf(folder);
  if (!owner) return own;
  const isFormer = owner.uid !== own.uid && owner.uid === (await findNobody()).uid;
  return isFormer ? own : owner;
}

/** Asks the system as that user: modes alone are not enough (ACLs, mounts, capabilities). */
async function canEnter(folder: string, user: SystemUser): Promise<boolean> {
  const { code, output } = await run('/bin/sh', ['-c', 'cd "$0"', folder], user);
  if (code === null)
    throw new StartError(
      `Root cannot start programs as user ${user.uid} on this machine (${output}). Start as another user or set DATABASE_URL.`,
    );
  return code === 0;
}

async function ownerOf(path: string): Promise<SystemUser | undefined> {
  try {
    const { uid, gid } = await stat(path);
    return { uid, gid };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Also true of a link whose target is gone, which must not be taken for a first start. */
async function isPresent(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function unlessPresent(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
