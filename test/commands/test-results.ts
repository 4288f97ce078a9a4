import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clone } from '../support/clone.js';

/** A file of tests, as Jest's JSON reports it. */
interface JestFile {
  readonly assertionResults: readonly {
    readonly status: string;
    readonly ancestorTitles: readonly string[];
    readonly title: string;
    readonly failureMessages: readonly string[];
  }[];
}

/** The full names of the tests that ran, by how they ended, and what the failures say. */
interface TestResults {
  readonly failed: readonly string[];
  readonly passed: readonly string[];
  readonly messages: readonly string[];
}

/** Runs tests in a clone, also such as fail. @param command begins with `npm test` */
export async function testResults(clone: Clone, command: string): Promise<TestResults> {
  const file = join(clone.folder, 'dist', 'results.json');
  // On the database server of the run that this test is in.
  const { TEST_SERVER = '' } = process.env;
  await clone.run(command, { JEST_JSON: file, TEST_SERVER }).catch(() => undefined);
  const files: readonly JestFile[] = JSON.parse(readFileSync(file, 'utf8')).testResults;
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string) =>
    tests
      .filter((one) => one.status === status)
      .map(({ ancestorTitles, title }) => [...ancestorTitles, title].join(' '));
  const messages = tests.flatMap(({ failureMessages }) => failureMessages);
  return { failed: named('failed'), passed: named('passed'), messages };
}
