/**
 * Compiles, and copies what a gateway needs to run into a folder: npm run build -- <folder>
 *
 * Packages are not among it: `npm ci --omit=dev --omit=peer --omit=optional` there installs them.
 * Without a folder it only compiles.
 */
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from './paths.mjs';
import { prepare } from './prepare.mjs';

/** What is copied; of folders that others build into, no more than what runs. */
const PARTS = [
  ...['package.json', 'package-lock.json', '.npmrc'],
  ...[
    'dist/bundle',
    'dist/src',
    'dist/adapters',
    'dist/sandbox',
    'dist/web',
    'dist/openapi.json',
    'prisma/migrations',
    'src/setup',
  ],
];

const [folder] = process.argv.slice(2);
await prepare();
if (folder !== undefined) {
  const target = resolve(process.env.INIT_CWD ?? '.', folder);
  if (existsSync(target) && readdirSync(target).length > 0) {
    console.error(`${target} is not empty.`);
    process.exit(1);
  }
  mkdirSync(target, { recursive: true });
  for (const part of PARTS)
    if (existsSync(join(root, part)))
      cpSync(join(root, part), join(target, part), { recursive: true, preserveTimestamps: true });
  console.log(`Copied what runs to ${target}. Install its packages there:`);
  console.log('  npm ci --omit=dev --omit=peer --omit=optional');
}
