import { readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { changedAt, modified } from './changes.mjs';
import { root } from './paths.mjs';
import { runStep } from './run.mjs';

/** What the console is made of; of the gateway it has the typed client alone. */
const SOURCES = ['web', 'src/client', 'src/setup/console.mjs', 'node_modules/.package-lock.json'];
const folder = join(root, 'dist', 'web');
const unfinished = `${folder}.new`;
/** Smaller ones do not get shorter by it. */
const MIN_COMPRESSED_BYTES = 512;

/** Whether no source has changed since the last build. */
export function isConsoleBuilt() {
  const built = modified(join(folder, 'index.html'));
  return SOURCES.every((source) => changedAt(join(root, source)) < built);
}

/**
 * Builds the console in `web/` into `dist/web`, each text with `.br` and `.gz` beside it. A build
 * that fails leaves the last one.
 */
export async function buildConsole() {
  console.log('Building the console …');
  const begun = new Date();
  rmSync(unfinished, { recursive: true, force: true });
  // A process of its own: what it takes is given back before the gateway starts.
  await runStep([
    process.execPath,
    join('node_modules', 'vite', 'bin', 'vite.js'),
    ...['build', 'web', '--outDir', unfinished, '--emptyOutDir', '--logLevel', 'warn'],
  ]);
  await Promise.all(filesUnder(unfinished).map(compress));
  // What changes meanwhile is younger.
  utimesSync(join(unfinished, 'index.html'), begun, begun);
  rmSync(folder, { recursive: true, force: true });
  renameSync(unfinished, folder);
}

async function compress(file) {
  if (!/\.(html|js|css|svg|json|map|txt)$/.test(file)) return;
  const bytes = readFileSync(file);
  if (bytes.length < MIN_COMPRESSED_BYTES) return;
  writeFileSync(`${file}.br`, await promisify(brotliCompress)(bytes));
  writeFileSync(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
}

function filesUnder(path) {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const inside = join(path, entry.name);
    return entry.isDirectory() ? filesUnder(inside) : [inside];
  });
}
