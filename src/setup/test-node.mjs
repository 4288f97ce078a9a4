/**
 * Runs the fast tests on other versions of Node.js, one after the other: `npm run test:node -- 22`,
 * or all current LTS releases. npm fetches each as a package; nothing is installed. With `--list` it
 * only names them.
 */
import { run } from './run.mjs';

/** https://nodejs.org/en/about/previous-releases */
const LTS = ['22', '24', '26'];

const given = process.argv.slice(2);
const isList = given.includes('--list');
if (isList) console.log(LTS.join(' '));
for (const version of isList ? [] : given.length > 0 ? given : LTS) {
  console.log(`Node.js ${version}:`);
  const { code } = await run(
    [
      'npm',
      'exec',
      '--yes',
      `--package=node-${process.platform}-${process.arch}@${version}`,
      '--',
      'node',
      'src/setup/test.mjs',
      '--fast',
    ],
    'inherit',
  );
  if (code !== 0) process.exitCode = code;
}
