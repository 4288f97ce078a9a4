import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './paths.mjs';

const sourceFolders = ['src', 'adapters', 'sandbox', 'bench'];

/**
 * Compiles into `dist` what changed, and removes what has no source any more. It uses the compiler and settings of the
 * tests, so they run what the gateway runs; types are checked by `npm run check`.
 */
export async function build() {
  const sources = sourceFolders.flatMap((folder) => filesUnder(join(root, folder))).filter((file) => /(?<!\.d)\.ts$/.test(file));
  const outputs = new Map(sources.map((source) => [source, outputOf(source)]));
  removeOthers(new Set(outputs.values()));

  const packageFile = join(root, 'package.json');
  const settingsChanged = statSync(packageFile).mtimeMs;
  const stale = sources.filter((source) => {
    const output = statSync(outputs.get(source), { throwIfNoEntry: false });
    return output === undefined || output.mtimeMs <= Math.max(statSync(source).mtimeMs, settingsChanged);
  });
  if (stale.length === 0) return;

  const { transform } = await import('@swc/core');
  const [, settings] = JSON.parse(readFileSync(packageFile, 'utf8')).jest.transform['^.+\\.ts$'];
  await Promise.all(
    stale.map(async (source) => {
      const output = outputs.get(source);
      mkdirSync(dirname(output), { recursive: true });
      const { code, map } = await transform(readFileSync(source, 'utf8'), {
        ...settings,
        swcrc: false,
        module: { type: 'es6' },
        sourceMaps: true,
        filename: source,
        sourceFileName: relative(dirname(output), source),
      });
      writeWhole(`${output}.map`, map);
      writeWhole(output, `${code}//# sourceMappingURL=${output.slice(dirname(output).length + 1)}.map\n`);
    }),
  );
}

function outputOf(source) {
  return join(root, 'dist', relative(root, source).replace(/\.ts$/, '.js'));
}

function removeOthers(outputs) {
  for (const folder of sourceFolders) {
    for (const file of filesUnder(join(root, 'dist', folder))) {
      if (!outputs.has(file.replace(/\.map$/, ''))) rmSync(file);
    }
  }
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return [path];
  });
}

/** A process killed while it writes leaves the old file, never a half one that looks new. */
function writeWhole(file, text) {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
