import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAdapterIndex } from './adapters.mjs';
import { buildConsole } from './console.mjs';
import { alone } from './lock.mjs';
import { root } from './paths.mjs';
import { runStep } from './run.mjs';

/** Of the command line that generates the database client, which no gateway runs with. */
const prismaPackage = join(root, 'node_modules', 'prisma', 'package.json');

/**
 * Does what is missing between a clone and a gateway that can run: packages, the database client,
 * the index of adapters, the build, the console.
 */
export async function prepare() {
  requireNode();
  if (isForProduction()) return;
  await alone(async () => {
    await installPackages();
    await generateClient();
    writeAdapterIndex();
    const { build } = await import('./build.mjs');
    await build();
    await buildConsole();
  });
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Rollcall needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

// npm writes this file last, so it is absent after an installation that did not finish.
const installed = join(root, 'node_modules', '.package-lock.json');

/** Where only the packages are installed that a gateway runs with, it runs as it was built before. */
function isForProduction() {
  const canBuild = existsSync(join(root, 'src', 'main.ts'));
  if (canBuild && !(existsSync(installed) && !existsSync(prismaPackage))) return false;
  if (existsSync(join(root, 'dist', 'src', 'main.js'))) return true;
  console.error(
    'Nothing is built here, and the packages to build with are not installed: run npm ci.',
  );
  process.exit(1);
}

async function installPackages() {
  if (existsSync(installed) && modified(installed) >= modified(join(root, 'package-lock.json')))
    return;
  console.log('Installing packages (npm ci) …');
  await runStep([...npm(), 'ci', '--include=dev', '--include=optional']);
  utimesSync(installed, new Date(), new Date());
}

/** The npm that runs us, which need not be the first in PATH. */
function npm() {
  const running = process.env.npm_execpath ?? '';
  return running.endsWith('npm-cli.js') ? [process.execPath, running] : ['npm'];
}

async function generateClient() {
  const schema = join(root, 'prisma', 'schema.prisma');
  const stamp = join(root, 'dist', '.prisma-client');
  const generator = readFileSync(prismaPackage);
  const sources = createHash('sha256').update(readFileSync(schema)).update(generator).digest('hex');
  const client = join(root, 'src', 'database', 'prisma-client', 'client.ts');
  if (existsSync(client) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  console.log('Generating the database client …');
  // Prisma would download an engine that generating does not use, unless the variable names one.
  const environment = {
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  };
  await runStep(
    [
      process.execPath,
      join('node_modules', 'prisma', 'build', 'index.js'),
      'generate',
      '--schema',
      schema,
    ],
    environment,
  );
  writeFileSync(stamp, sources);
}

function modified(file) {
  return statSync(file).mtimeMs;
}
