import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { bundle, isBundledSince } from './bundle.mjs';
import { changedAt, modified } from './changes.mjs';
import { root } from './paths.mjs';
import { runStep } from './run.mjs';

const sourceFolders = ['src', 'adapters', 'sandbox', 'bench', 'test'];
/** What other packages import: their compilers read declarations beside the code. */
const publicFolder = join(root, 'src', 'client');
const openApi = join(root, 'dist', 'openapi.json');
const packageFile = join(root, 'package.json');
/** npm writes it with every change of the packages. */
const installed = join(root, 'node_modules', '.package-lock.json');
/** As old as the beginning of the last build that came to its end. */
const stamp = join(root, 'dist', '.built');

/**
 * Compiles into `dist` what changed, removes what has no source any more, bundles what starts as a
 * process, and writes the OpenAPI document of it. It uses the compiler and settings of the tests, so
 * they run what the gateway runs; types are checked by `npm run check`.
 */
export async function build() {
  const begun = new Date();
  const sources = await compile();
  const compiled = sources.flatMap(outputsOf).map(modified);
  // Packages, the database client and sources that are gone leave no younger output.
  const changed = Math.max(modified(installed), ...compiled);
  if (!isBundledSince(changed)) await bundle();
  if (modified(openApi) <= changed) await writeOpenApi();
  writeFileSync(stamp, '');
  // What changes meanwhile is younger.
  utimesSync(stamp, begun, begun);
}

/** Whether nothing has changed since the last build: a third of what it takes to look at each output. */
export function isBuilt() {
  const built = modified(stamp);
  if (!existsSync(openApi) || !isBundledSince(0)) return false;
  const inputs = [...sourceFolders.map((folder) => join(root, folder)), packageFile, installed];
  return inputs.every((input) => changedAt(input) < built);
}

/** In a process of its own: what it takes is given back before the gateway starts. */
async function writeOpenApi() {
  await runStep([process.execPath, join('dist', 'src', 'setup', 'openapi.js'), `${openApi}.new`]);
  renameSync(`${openApi}.new`, openApi);
}

/** @returns the sources */
async function compile() {
  const sources = sourceFolders
    .flatMap((folder) => filesUnder(join(root, folder)))
    .filter((file) => /(?<!\.d)\.ts$/.test(file));
  removeOthers(new Set(sources.flatMap(outputsOf)));

  const settingsChanged = modified(packageFile);
  const stale = sources.filter((source) => {
    const changed = Math.max(modified(source), settingsChanged);
    return outputsOf(source).some((output) => modified(output) <= changed);
  });
  if (stale.length === 0) return sources;

  const { transform } = await import('@swc/core');
  await Promise.all(
    stale.map(async (source) => {
      const [output, declarations] = outputsOf(source);
      mkdirSync(dirname(output), { recursive: true });
      const {
        code,
        map,
        output: others,
      } = await transform(readFileSync(source, 'utf8'), {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript' },
          experimental: { emitIsolatedDts: declarations !== undefined },
        },
        swcrc: false,
        module: { type: 'es6' },
        sourceMaps: true,
        filename: source,
        sourceFileName: relative(dirname(output), source),
      });
      if (declarations !== undefined)
        writeWhole(declarations, JSON.parse(others).__swc_isolated_declarations__);
      writeWhole(`${output}.map`, map);
      writeWhole(
        output,
        `${code}//# sourceMappingURL=${output.slice(dirname(output).length + 1)}.map\n`,
      );
    }),
  );
  return sources;
}

/**
 * The code, and the declarations of what is public. The compiler makes them of one file alone, so
 * it refuses exports without a written type.
 */
function outputsOf(source) {
  const output = join(root, 'dist', relative(root, source).replace(/\.ts$/, ''));
  return dirname(source) === publicFolder ? [`${output}.js`, `${output}.d.ts`] : [`${output}.js`];
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
