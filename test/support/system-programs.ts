import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Programs that stand before or behind a gateway in production, and the Debian package of each.
 * Tests run them where they are installed; `npm test` says which are not.
 */
const PACKAGES = {
  chromium: 'chromium',
  haproxy: 'haproxy',
  nginx: 'nginx-light',
  pgbouncer: 'pgbouncer',
  postgres: 'postgresql',
  promtool: 'prometheus',
  script: 'bsdutils',
} as const;

export type SystemProgram = keyof typeof PACKAGES;

/** The Debian packages to install for those of the programs that are absent; all when not told. */
export function missingPackages(
  programs: readonly SystemProgram[] = Object.keys(PACKAGES) as SystemProgram[],
): readonly string[] {
  return programs
    .filter((program) => find(program) === undefined)
    .map((program) => PACKAGES[program]);
}

/** @throws Error where the program is not installed */
export function programPath(program: SystemProgram): string {
  const path = find(program);
  if (path === undefined) throw new Error(`Install the package ${PACKAGES[program]}.`);
  return path;
}

const POSTGRES_VERSIONS = '/usr/lib/postgresql';

/** Where the programs of each installed PostgreSQL lie, as Debian's packages have it. */
export function postgresFolders(): readonly string[] {
  if (!existsSync(POSTGRES_VERSIONS)) return [];
  return readdirSync(POSTGRES_VERSIONS)
    .map((version) => join(POSTGRES_VERSIONS, version, 'bin'))
    .filter((folder) => isExecutable(join(folder, 'postgres')));
}

function find(program: SystemProgram): string | undefined {
  // Debian keeps servers in folders that are in the PATH of root alone.
  const folders = [
    ...[...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'],
    ...postgresFolders(),
  ];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
