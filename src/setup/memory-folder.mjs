import { readFileSync, statfsSync } from 'node:fs';

/** What Linux keeps in memory: no commit, and none of a database's 650 files, reaches a disk there. */
const FOLDER = '/dev/shm';
/** Bytes that must be free: all tests at once take less than half of them. */
const MIN_FREE = 8 * 1024 ** 3;

/**
 * @returns where temporary files can be kept in memory, or `undefined`: containers have too small a
 * one, or one that programs cannot be run from
 */
export function memoryFolder() {
  try {
    const options = new RegExp(`^tmpfs ${FOLDER} tmpfs (\\S+)`, 'm').exec(
      readFileSync('/proc/mounts', 'utf8'),
    )?.[1];
    if (options === undefined || options.split(',').includes('noexec')) return undefined;
    const { bavail, bsize } = statfsSync(FOLDER);
    return Math.min(bavail * bsize, process.availableMemory()) > MIN_FREE ? FOLDER : undefined;
  } catch {
    return undefined;
  }
}
