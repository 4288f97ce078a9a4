import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
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
    keepNames: true,
    minifyWhitespace: true,
    minifySyntax: true,
    // Not installed: pg tries it before its own. And jq, which reads a file beside its own.
    external: ['pg-native', 'jq-web'],
    // Packages that are not ES modules ask for those of Node.js so.
    banner: {
      js: `import { createRequire as requireFor } from 'node:module';
const require = requireFor(import.meta.url);`,
    },
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
