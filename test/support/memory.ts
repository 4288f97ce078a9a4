import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findHome } from '../../src/database/embedded/home.js';

/**
 * Memory that a process has to itself, in MiB: what it shares with others is not counted.
 * @returns 0 where the system does not tell
 */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** The same of all processes of an embedded database. */
export async function memoryOfDatabase(dataDir: string): Promise<number> {
  const { folder } = await findHome(dataDir, () => undefined);
  const file = await readFile(join(folder, 'cluster', 'postmaster.pid'), 'utf8');
  const postmaster = Number(file.split('\n')[0]);
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter(Number.isInteger);
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const parent = Number(/\) \S (\d+)/.exec(stat)?.[1]);
      return pid === postmaster || parent === postmaster ? memoryOf(pid) : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
