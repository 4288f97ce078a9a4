import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseConnection } from '../hosts.js';
import type { Binaries } from './binaries.js';
import { admitRootAlone, handOver } from './hand-over.js';
import { endUnlessHeld } from './hold.js';
import { clusterFolder, type Home } from './home.js';
import { findNobody } from './server-user.js';

/**
 * Takes over the database of a former release, which ran as `nobody`: every other process of that
 * user could use it. Its files go to the home's own user, and its server, if it still runs, is shut
 * down first. A file beside the cluster stands for a takeover that has begun, so one that was cut
 * short is finished at the next start.
 *
 * @returns the home as it is now; with its former user as long as another process, of a former
 * release, uses the server
 */
export async function takeOver(
  home: Home,
  binaries: Binaries,
  connection: DatabaseConnection,
  onProgress: (line: string) => void,
): Promise<Home> {
  const { user } = home;
  if (!user) return home;
  const cluster = clusterFolder(home);
  const begun = join(home.folder, 'cluster.taking-over');
  const { uid } = await stat(cluster);
  const isBegun = await stat(begun).then(
    () => true,
    () => false,
  );
  if (uid === user.uid && !isBegun) return home;

  const nobody = await findNobody();
  const asFound = { ...home, user: nobody };
  if (uid === nobody.uid && !(await endUnlessHeld(asFound, binaries, connection))) {
    onProgress(
      'The database runs as user nobody, as a former release started it, and another process uses it: it gets a user of its own at a start of Rollcall at which no process of that release is running.',
    );
    return asFound;
  }
  onProgress(`Giving the database in ${home.folder} a user of its own (${user.uid})`);
  await writeFile(begun, '');
  await handOver(cluster, nobody, user);
  await admitRootAlone(cluster, user);
  await rm(begun, { force: true });
  return home;
}
