import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './paths.mjs';

/**
 * What starts as a process again and again, by the name of its bundle. Loading a bundle takes a
 * third of the time that the files and packages behind it take one by one.
 */
const ENTRIES = {
  main: 'dist/src/main.js',
  rollcall: 'dist/src/cli/main.js',
  'gateway-child': 'dist/test/support/gateway-child.js',
  'refresh-child': 'dist/test/support/refresh-child.js',
};
const folder = join(root, 'dist', 'bundle');

/**
 * Packages that are not ES modules ask for those of Node.js by `require`. And pg asks `navigator`,
 * which Node.js has from version 21 on, where it runs; without it pg makes a `Response`, for which
 * Node.js loads its whole `fetch`.
 */
const BANNER = `import { createRequire as requireFor } from 'node:module';
const require = requireFor(import.meta.url);
globalThis.navigator ??= { userAgent: 'Node.js/' + process.versions.node.split('.')[0] };`;

/**
 * Prisma's query compiler as the file of its bytes. Its package has them as text, which takes longer
 * to read as code and to decode than anything else in a start.
 */
const queryCompiler = {
  name: 'query-compiler',
  setup(build) {
    build.onLoad({ filter: /query_compiler_\w+\.postgresql\.wasm-base64\.mjs$/ }, () => ({
      contents: `import { readFileSync } from 'node:fs';
import file from 'query-compiler.wasm';
export const wasm = readFileSync(new URL(file, import.meta.url));`,
      resolveDir: root,
    }));
    build.onResolve({ filter: /^query-compiler\.wasm$/ }, ({ importer, path }) => ({
      path,
      namespace: 'query-compiler',
      pluginData: importer,
    }));
    build.onLoad({ filter: /./, namespace: 'query-compiler' }, async ({ pluginData }) => {
      const { wasm } = await import(pathToFileURL(pluginData));
      return { contents: Buffer.from(wasm, 'base64'), loader: 'file' };
    });
  },
};

/** Zod comes with its messages in fifty languages, and we speak one. */
const oneLanguage = {
  name: 'one-language',
  setup(build) {
    build.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
  },
};

/** Bundles what was compiled, with the packages it uses, into `dist/bundle`. */
export async function bundle() {
  const { build, stop } = await import('esbuild');
  rmSync(folder, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    sourcesContent: false,
    minifyWhitespace: true,
    minifySyntax: true,
    // Not installed: pg tries it before its own. And jq, which reads a file beside its own.
    external: ['pg-native', 'jq-web'],
    plugins: [queryCompiler, oneLanguage],
    banner: { js: BANNER },
    logLevel: 'warning',
  });
  // Its process would stay for as long as this one, which may go on as the gateway.
  await stop();
}

/** Whether every bundle is younger than `time`, in milliseconds since 1970. */
export function isBundledSince(time) {
  return Object.keys(ENTRIES).every((name) => {
    const made = statSync(join(folder, `${name}.js`), { throwIfNoEntry: false });
    return made !== undefined && made.mtimeMs > time;
  });
}
