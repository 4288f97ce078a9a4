import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout } from '../support/checkout.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { MAX_WAIT_MS } from '../support/wait.js';

const FILES = ['one', 'two', 'three'];
/** The second process listens long after the first has asked for its settings. */
const LATE = `if (process.env.TINYPOOL_WORKER_ID === '2')
  await new Promise((resolve) => setTimeout(resolve, 3_000));`;

let folder: string;
beforeAll(async () => {
  folder = await makeFolder();
  await writeFile(join(folder, 'late.mjs'), LATE);
  for (const name of FILES)
    await writeFile(join(folder, `${name}.test.mjs`), `test('${name}', () => undefined);`);
});
afterAll(() => removeFolder(folder));

test('a process that starts long after the others runs its share of the files', async () => {
  const config = {
    rootDir: folder,
    runner: join(checkout, 'src', 'setup', 'test-runner.mjs'),
    testMatch: ['**/*.test.mjs'],
    transform: {},
  };
  const jest = join(checkout, 'node_modules', 'jest', 'bin', 'jest.js');
  const parameters = [jest, '--config', JSON.stringify(config), '--maxWorkers=2', '--json'];
  const NODE_OPTIONS = `--import ${join(folder, 'late.mjs')}`;
  const env = { ...process.env, NODE_OPTIONS };
  // Bounded, as a runner that misses a process waits for ever.
  const { stdout } = await promisify(execFile)(process.execPath, parameters, {
    cwd: folder,
    env,
    timeout: MAX_WAIT_MS,
  });
  expect(JSON.parse(stdout).numPassedTests).toBe(FILES.length);
});
