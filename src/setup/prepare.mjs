import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAdapterIndex } from './adapters.mjs';
import { alone } from './lock.mjs';
import { root } from './paths.mjs';
import { runStep } from './run.mjs';

/**
 * Does what is missing between a clone and a gateway that can run: packages, the database client,
 * the index of adapters, the build.
 */
export async function prepare() {
  requireNode();
  await alone(async () => {
    await installPackages();
    await generateClient();
    writeAdapterIndex();
    const { build } = await import('./build.mjs');
    await build();
  });
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Rollcall needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

async function installPackages() {
  // npm writes this file last, so it is absent after an installation that did not finish.
  const installed = join(root, 'node_modules', '.package-lock.json');
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
  const generator = readFileSync(join(root, 'node_modules', 'prisma', 'package.json'));
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
