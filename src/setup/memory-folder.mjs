import { chmodSync, mkdtempSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** What Linux keeps in memory: no commit, and none of a database's 650 files, reaches a disk there. */
const FOLDER = '/dev/shm';
/** Bytes that must be free: all tests at once take less than half of them. */
const MIN_FREE = 8 * 1024 ** 3;

/**
 * Makes a folder for temporary files in memory, which its caller removes: what is left there takes
 * memory until the machine stops.
 *
 * @returns {string | undefined} its path; `undefined` where there is no room: containers have too
 * small a one, or one that programs cannot be run from
 */
export function makeMemoryFolder() {
  if (!hasRoom()) return undefined;
  const folder = mkdtempSync(join(FOLDER, 'rollcall-'));
  // As /tmp is: database servers that root starts run as another user.
  chmodSync(folder, 0o1777);
  return folder;
}

function hasRoom() {
  try {
    const options = new RegExp(`^tmpfs ${FOLDER} tmpfs (\\S+)`, 'm').exec(
      readFileSync('/proc/mounts', 'utf8'),
    )?.[1];
    if (options === undefined || options.split(',').includes('noexec')) return false;
    const { bavail, bsize } = statfsSync(FOLDER);
    return Math.min(bavail * bsize, process.availableMemory()) > MIN_FREE;
  } catch {
    return false;
  }
}
