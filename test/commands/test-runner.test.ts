import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout } from '../support/checkout.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { afterEach, beforeEach, expect, test } from '../support/jest.js';
import { MAX_WAIT_MS } from '../support/wait.js';

const checkoutFile = (name: string) => join(checkout, 'src', 'setup', name);

interface Result {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

let folder: string;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => removeFolder(folder));

const write = (name: string, text: string) => writeFile(join(folder, name), text);

/** Runs the files of the folder. @returns what Jest reports and prints, and how it ended */
async function runJest(workers: number, options: Readonly<Record<string, string>> = {}) {
  const config = {
    rootDir: folder,
    runner: checkoutFile('test-runner.mjs'),
    setupFiles: [checkoutFile('stray-errors.mjs')],
    testMatch: ['**/*.test.mjs'],
    transform: {},
  };
  const jest = join(checkout, 'node_modules', 'jest', 'bin', 'jest.js');
  const parameters = [jest, '--config', JSON.stringify(config), `--maxWorkers=${workers}`];
  // Bounded, as a runner that misses a process waits for ever.
  const { stdout, stderr, code } = await promisify(execFile)(
    process.execPath,
    [...parameters, '--json'],
    { cwd: folder, env: { ...process.env, ...options }, timeout: MAX_WAIT_MS },
  ).then(
    (ended) => ({ ...ended, code: 0 }),
    (failure: { readonly stdout: string; readonly stderr: string; readonly code: number }) =>
      failure,
  );
  return { ...(JSON.parse(stdout) as Result), errors: stderr, code };
}

test('a process that starts long after the others runs its share of the files', async () => {
  const files = ['one', 'two', 'three'];
  for (const name of files) await write(`${name}.test.mjs`, `test('${name}', () => undefined);`);
  // The second process listens long after the first has asked for its settings.
  await write(
    'late.mjs',
    `if (process.env.TINYPOOL_WORKER_ID === '2')
       await new Promise((resolve) => setTimeout(resolve, 3_000));`,
  );
  const result = await runJest(2, { NODE_OPTIONS: `--import ${join(folder, 'late.mjs')}` });
  expect(result.numPassedTests).toBe(files.length);
});

const TITLE = 'leaves no error that nothing waits for';
const LEAVE = {
  'a promise that rejects': `Promise.reject(new Error('left behind'));`,
  'a value that is no error': `Promise.reject('left behind');`,
  'a throw in a callback': `setTimeout(() => { throw new Error('left behind'); });`,
  'an event that nobody listens to': `new EventEmitter().emitLater('error', 'left behind');`,
};

test.each([1, 2])(
  'an error that nothing waits for fails its file, which tells all its tests, in %d processes',
  async (workers) => {
    for (const [name, statement] of Object.entries(LEAVE))
      await write(
        `${name}.test.mjs`,
        `import { EventEmitter } from 'node:events';
       EventEmitter.prototype.emitLater = function (...event) { setTimeout(() => this.emit(...event)); };
       const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
       test('first', async () => { ${statement} await pause(); });
       test('second', () => { throw new Error('fails by itself'); });
       test('third', pause);`,
      );
    const { testResults } = await runJest(workers);
    expect(testResults.length).toBe(Object.keys(LEAVE).length);
    for (const { assertionResults } of testResults) {
      expect(assertionResults.map(({ title, status }) => [title, status])).toEqual([
        ['first', 'passed'],
        ['second', 'failed'],
        ['third', 'passed'],
        [TITLE, 'failed'],
      ]);
      expect(assertionResults[3]?.failureMessages.join()).toContain('left behind');
    }
  },
);

test.each([1, 2])(
  'an error that comes after its file has ended fails the run, in %d processes',
  async (workers) => {
    await write(
      'late.test.mjs',
      `test('late', () => void setTimeout(() => { throw 'left late'; }, 500));`,
    );
    const pause = 'new Promise((resolve) => setTimeout(resolve, 2_000))';
    await write('other.test.mjs', `test('other', () => ${pause});`);
    const { numPassedTests, code, errors } = await runJest(workers);
    // Where the same process runs the other file by then, that one is failed with it.
    expect([numPassedTests, code]).toEqual([2, 1]);
    expect(errors).toContain('left late');
  },
);

test('a process that is killed while it runs a file is told with the signal', async () => {
  await write('killed.test.mjs', `test('killed', () => process.kill(process.pid, 'SIGKILL'));`);
  await write('other.test.mjs', `test('other', () => undefined);`);
  const { numPassedTests, testResults } = await runJest(2);
  expect(numPassedTests).toBe(1);
  expect(testResults.map(({ message }) => message).join()).toMatch(
    /exited unexpectedly \(SIGKILL\)/,
  );
});
