/**
 * Runs the tests; parameters go to Jest, as in `npm test -- test/database`. `--fast` leaves out what
 * `SLOW` lists. With JEST_JSON set, the result is also written to that file.
 */
import { readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeMemoryFolder } from './memory-folder.mjs';
import { root } from './paths.mjs';
import { prepare } from './prepare.mjs';
import { run } from './run.mjs';

/**
 * What `npm run test:fast` leaves out: whole workflows, most of them over processes that are started
 * and killed, the fuzzer, assistants, the commands on a fresh clone, and single files that take as
 * long. Paths from the root; a folder ends with a slash.
 */
const SLOW = [
  'test/abuse/',
  'test/commands/',
  'test/evidence/',
  'test/fuzz/',
  'test/mcp/',
  'test/operations/',
  'test/workflows/',
  'test/api/accounts-order.test.ts',
  'test/api/canaries.test.ts',
  'test/api/event-stream.test.ts',
  'test/api/outage.test.ts',
  'test/api/overload.test.ts',
  'test/api/paging.test.ts',
  'test/api/plans.test.ts',
  'test/api/profile-choices.test.ts',
  'test/api/profile-disconnects.test.ts',
  'test/api/rate-limit.test.ts',
  'test/cli/shell.test.ts',
  'test/client/package.test.ts',
  'test/console/changes.test.ts',
  'test/console/web-changes.test.ts',
  'test/console/web-reading.test.ts',
  'test/console/web.test.ts',
  'test/database/embedded.test.ts',
  'test/database/privileges.test.ts',
  'test/health/aging.test.ts',
  'test/health/month.test.ts',
  'test/profiles/keeper.test.ts',
  'test/profiles/partition-property.test.ts',
  'test/profiles/recycled-handle.test.ts',
  'test/providers/refresh-processes.test.ts',
  'test/providers/refresh.test.ts',
  'test/sweeps/cut-off-runs.test.ts',
  'test/work/',
];

await prepare();
const { missingPackages } = await import('../../dist/test/support/system-programs.js');
if (missingPackages().length > 0)
  console.log(`Tests of what is not installed are skipped: ${missingPackages().join(', ')}.`);
const given = process.argv.slice(2).filter((parameter) => parameter !== '--fast');
const isFast = process.argv.includes('--fast');
// Tests wait for servers and processes as much as they compute, so two more than there are cores pay
// off; more than six would need more connections than their database server has.
const workers = given.some((parameter) => /^(-i|-w|--runInBand|--maxWorkers)/.test(parameter))
  ? []
  : [`--maxWorkers=${Math.min(6, availableParallelism() + 2)}`];
const left = isFast
  ? SLOW.map((path) => `--testPathIgnorePatterns=<rootDir>/dist/${compiled(path)}`)
  : [];
const isByName = given.some((parameter) => /^(-t|--testNamePattern)/.test(parameter));
const ownResult = join(root, 'dist', `jest-${process.pid}.json`);
const resultFile = process.env.JEST_JSON ?? (isByName ? ownResult : undefined);
const result = resultFile === undefined ? [] : ['--json', `--outputFile=${resultFile}`];
const jest = [
  '--enable-source-maps',
  // Megabytes of what is young: with Node's own limit a tenth of the time goes into collecting it.
  '--max-semi-space-size=32',
  join('node_modules', 'jest', 'bin', 'jest.js'),
  `--cacheDirectory=${join(tmpdir(), `rollcall-jest-${process.getuid?.()}`)}`,
];
// A database that is made and removed on a disk takes six times as much processor time. A single
// file keeps to the disk, where the next run finds the server's data again.
const isSingle = given.filter((parameter) => !parameter.startsWith('-')).length === 1;
const isOnDisk = isSingle || process.env.TMPDIR !== undefined;
const memory = isOnDisk ? undefined : makeMemoryFolder();
const { code } = await run(
  [process.execPath, ...jest, ...workers, ...left, ...result, ...given.map(compiled)],
  'inherit',
  memory === undefined ? {} : { TMPDIR: memory },
);
if (memory !== undefined) rmSync(memory, { recursive: true, force: true });
process.exitCode = code;
if (code === 0 && isByName && !ranTests(resultFile)) {
  console.error(`No test ran: none is named as in npm test -- ${given.join(' ')}`);
  process.exitCode = 1;
}
rmSync(ownResult, { force: true });

/** Jest also succeeds where it skipped every test as none has the name that was asked for. */
function ranTests(file) {
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(file, 'utf8'));
  return numPassedTests + numFailedTests > 0;
}

/** Jest runs what was compiled. */
function compiled(path) {
  return path.replace(/\.ts$/, '.js');
}
