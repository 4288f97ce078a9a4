/**
 * Writes the migration from the newest one to `prisma/schema.prisma`: npm run migration -- <name>
 *
 * `prisma/migrations/schema.prisma` is the schema the migrations lead to, so indexes, checks and
 * triggers written into a migration by hand do not show up as differences.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root } from './paths.mjs';
import { prepare } from './prepare.mjs';

const [name = ''] = process.argv.slice(2);
if (!/^[a-z0-9_]+$/.test(name)) {
  console.error(
    'Usage: npm run migration -- <name>, in lower case with underscores, such as add_labels',
  );
  process.exit(1);
}

await prepare();
const { startEmbedded } = await import('../../dist/src/database/index.js');
const { writeScript } = await import('../../dist/src/setup/schema-script.js');

const migrations = join(root, 'prisma', 'migrations');
const migrated = join(migrations, 'schema.prisma');
const wanted = readFileSync(join(root, 'prisma', 'schema.prisma'), 'utf8');

const dataDir = mkdtempSync(join(tmpdir(), 'rollcall-migration-'));
// Run by root, the server has another user.
chmodSync(dataDir, 0o755);
const database = await startEmbedded({ dataDir, onProgress: () => undefined });
try {
  const script = await writeScript(
    database.connection,
    existsSync(migrated) ? readFileSync(migrated, 'utf8') : undefined,
    wanted,
  );
  if (script) {
    const folder = join(migrations, `${timestamp()}_${name}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'migration.sql'), script);
    writeFileSync(join(migrations, 'migration_lock.toml'), 'provider = "postgresql"\n');
    console.log(`Wrote ${relative(root, folder)}/migration.sql. Read it before you commit it.`);
  } else {
    console.log('The migrations already match the schema.');
  }
  writeFileSync(migrated, wanted);
} finally {
  await database.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

/** Such as 20260131235959, Prisma's form. */
function timestamp() {
  return new Date().toISOString().replace(/\D/g, '').slice(0, 14);
}
