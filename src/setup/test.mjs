/**
 * Runs the tests; parameters go to Jest, as in `npm test -- test/database`. With JEST_JSON set, the
 * result is also written to that file.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { prepare } from './prepare.mjs';
import { run } from './run.mjs';

await prepare();
const given = process.argv.slice(2);
// Tests wait for servers and processes more than they compute, so two at once pay off on two cores
// already.
const workers = given.some((parameter) => /^(-i|-w|--runInBand|--maxWorkers)/.test(parameter))
  ? []
  : [`--maxWorkers=${Math.max(2, availableParallelism() - 1)}`];
const result = process.env.JEST_JSON ? ['--json', `--outputFile=${process.env.JEST_JSON}`] : [];
const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  join('node_modules', 'jest', 'bin', 'jest.js'),
];
const { code } = await run([process.execPath, ...jest, ...workers, ...result, ...given], 'inherit');
process.exitCode = code;
