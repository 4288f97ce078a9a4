import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isIndexCurrent, writeAdapterIndex } from './adapters.mjs';
import { build, isBuilt } from './build.mjs';
import { buildConsole, isConsoleBuilt } from './console.mjs';
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
  if (isForProduction() || isPrepared()) return;
  await alone(async () => {
    if (!isInstalled()) await installPackages();
    if (!isClientGenerated()) await generateClient();
    if (!isIndexCurrent()) writeAdapterIndex();
    if (!isBuilt()) await build();
    if (!isConsoleBuilt()) await buildConsole();
  });
}

/** Looked at without the lock: commands beside each other need not wait where nothing is to be done. */
function isPrepared() {
  return isInstalled() && isClientGenerated() && isIndexCurrent() && isBuilt() && isConsoleBuilt();
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

function isInstalled() {
  return existsSync(installed) && modified(installed) >= modified(join(root, 'package-lock.json'));
}

async function installPackages() {
  console.log('Installing packages (npm ci) …');
  await runStep([...npm(), 'ci', '--include=dev', '--include=optional']);
  utimesSync(installed, new Date(), new Date());
}

/** The npm that runs us, which need not be the first in PATH. */
function npm() {
  const running = process.env.npm_execpath ?? '';
  return running.endsWith('npm-cli.js') ? [process.execPath, running] : ['npm'];
}

const schema = join(root, 'prisma', 'schema.prisma');
/** Holds the hash of what the database client was generated from. */
const clientStamp = join(root, 'dist', '.prisma-client');
const client = join(root, 'src', 'database', 'prisma-client', 'client.ts');

function isClientGenerated() {
  if (!existsSync(client) || !existsSync(clientStamp)) return false;
  return readFileSync(clientStamp, 'utf8') === hashOfClientSources();
}

function hashOfClientSources() {
  const hash = createHash('sha256');
  return hash.update(readFileSync(schema)).update(readFileSync(prismaPackage)).digest('hex');
}

async function generateClient() {
  // What changes meanwhile is generated the next time.
  const sources = hashOfClientSources();
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
  writeFileSync(clientStamp, sources);
}

function modified(file) {
  return statSync(file).mtimeMs;
}
