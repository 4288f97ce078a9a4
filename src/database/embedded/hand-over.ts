import { randomUUID } from 'node:crypto';
import { lchown, lstat, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemUser } from './process.js';

/**
 * Gives every file below `folder` that `from` owns to `to`, the folder included. It goes from the
 * top down and follows no link, so processes of `from` can put nothing else in the way: once a
 * folder is handed over they change nothing in it. Safe to repeat, and beside another that does the
 * same.
 */
export async function handOver(folder: string, from: SystemUser, to: SystemUser): Promise<void> {
  const entry = await lstat(folder).catch(ignoreAbsence);
  if (!entry) return;
  if (entry.uid === from.uid) await lchown(folder, to.uid, to.gid).catch(ignoreAbsence);
  if (!entry.isDirectory()) return;
  const names = (await readdir(folder).catch(ignoreAbsence)) ?? [];
  for (const name of names) await handOver(join(folder, name), from, to);
}

/**
 * Lets nobody log in but processes of root: the server asks the system who is at the other end of
 * its socket.
 */
export async function admitRootAlone(cluster: string, owner: SystemUser): Promise<void> {
  await replace(join(cluster, 'pg_ident.conf'), 'gateway root all\n', owner);
  await replace(join(cluster, 'pg_hba.conf'), 'local all all peer map=gateway\n', owner);
}

/** Through a new file: whatever is there under the name is not written through. */
async function replace(file: string, content: string, owner: SystemUser): Promise<void> {
  const unfinished = `${file}.${randomUUID()}`;
  const handle = await open(unfinished, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.chown(owner.uid, owner.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}

function ignoreAbsence(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
