/** In which order Jest runs the test files. */
import { join, relative, sep } from 'node:path';
import Sequencer from '@jest/test-sequencer';
import { root } from './paths.mjs';

/**
 * The files that take longest, longest first: begun last, one alone would hold up the end of all.
 * Jest learns how long files take, but a fresh clone has nothing to learn from.
 */
const LONGEST = [
  'test/console/web.test.ts',
  'test/workflows/disconnects/crash.test.ts',
  'test/commands/readme.test.ts',
  'test/operations/feeds.test.ts',
  'test/workflows/events/kills.test.ts',
  'test/abuse/attacks.test.ts',
  'test/commands/new-adapter.test.ts',
  'test/evidence/property.test.ts',
  'test/workflows/idempotency.test.ts',
  'test/workflows/process.test.ts',
  'test/operations/trial.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/operations/database-crash.test.ts',
  'test/operations/backup.test.ts',
  'test/operations/production-install.test.ts',
  'test/evidence/own-absence.test.ts',
  'test/workflows/disconnects/chaos.test.ts',
  'test/operations/rolling-restart.test.ts',
  'test/evidence/absence.test.ts',
  'test/workflows/bad-days.test.ts',
  'test/profiles/recycled-handle.test.ts',
  'test/workflows/crash.test.ts',
  'test/health/month.test.ts',
  'test/evidence/write-back.test.ts',
  'test/evidence/identity.test.ts',
  'test/commands/contract-suite.test.ts',
  'test/workflows/sweeps.test.ts',
  'test/evidence/sweeps.test.ts',
  'test/evidence/own-failure.test.ts',
  'test/evidence/whole-and-own.test.ts',
  'test/evidence/headers.test.ts',
  'test/health/aging.test.ts',
  'test/evidence/one-field.test.ts',
  'test/profiles/keeper.test.ts',
  'test/workflows/short-interval.test.ts',
  'test/workflows/disconnects/identity.test.ts',
  'test/api/paging.test.ts',
  'test/cli/shell.test.ts',
  'test/workflows/etags.test.ts',
  'test/workflows/probes.test.ts',
  'test/api/outage.test.ts',
  'test/database/embedded.test.ts',
  'test/operations/capacity.test.ts',
  'test/api/overload.test.ts',
  'test/operations/postgres-versions.test.ts',
  'test/api/rate-limit.test.ts',
];

const nameOf = ({ path }) =>
  relative(join(root, 'dist'), path).split(sep).join('/').replace(/\.js$/, '.ts');

/** The longest files first, then the others as Jest has them. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const ordered = super.sort([...tests]);
    const first = LONGEST.flatMap((name) => ordered.filter((test) => nameOf(test) === name));
    return [...first, ...ordered.filter((test) => !first.includes(test))];
  }
}
