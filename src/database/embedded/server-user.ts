import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { StartError } from '../../lib/start-error.js';
import { run, type SystemUser } from './process.js';

/**
 * The numbers from which a server's user is taken: systemd's table of them
 * (systemd.io/UIDS-GIDS) leaves these to nobody, and they exist inside containers too.
 */
const FIRST_ID = 60_706;
const LAST_ID = 61_183;

/**
 * The user, and the group of the same number, that a server started by root runs as: one that no
 * other program runs as, and that needs no entry in /etc/passwd. Processes that start together on
 * one folder arrive at the same one.
 *
 * @param folder the home that the database is made for
 */
export async function ownUserOf(folder: string): Promise<SystemUser> {
  const entries = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const taken = new Set(entries.split('\n').map((line) => Number(line.split(':')[2])));
  const ids = Array.from({ length: LAST_ID - FIRST_ID + 1 }, (_, index) => FIRST_ID + index);
  const free = ids.filter((id) => !taken.has(id));
  const chosen = createHash('sha256').update(folder).digest().readUInt32BE() % free.length;
  const id = free[chosen] ?? FIRST_ID;
  return { uid: id, gid: id };
}

/**
 * The user `nobody`, which runs `initdb`: that program insists on a user with a name. Servers of
 * former releases run as it, too.
 *
 * @throws StartError where there is none
 */
export async function findNobody(): Promise<SystemUser> {
  const [uid, gid] = await Promise.all([
    run('id', ['-u', 'nobody'], undefined),
    run('id', ['-g', 'nobody'], undefined),
  ]);
  if (uid.code !== 0 || gid.code !== 0) {
    throw new StartError(
      'PostgreSQL does not run as root, and there is no user nobody. Start as another user or set DATABASE_URL.',
    );
  }
  return { uid: Number(uid.output), gid: Number(gid.output) };
}
