import { describe } from './jest.js';
import { missingPackages, type SystemProgram } from './system-programs.js';

/** `describe` where all of the programs are installed; where one is not, its tests are skipped. */
export function describeWith(
  programs: readonly SystemProgram[],
  title: string,
  tests: () => void,
): void {
  if (missingPackages(programs).length === 0) describe(title, tests);
  else describe.skip(title, tests);
}
