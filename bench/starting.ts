import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { report } from './figures.js';
import { untilReady } from './gateway-process.js';

const CHECKOUT = decodeURIComponent(new URL('../..', import.meta.url).pathname);

/**
 * Seconds from `npm start` to ready: on a fresh clone, where it installs, builds and makes the
 * database, and the second time.
 */
export async function starting(folder: string, port: number): Promise<void> {
  const clone = join(folder, 'clone');
  await promisify(execFile)('git', ['clone', '--quiet', CHECKOUT, clone]);
  report(
    'npm start to ready, on a fresh clone',
    await secondsToReady(clone, port),
    's',
    'packages from the npm cache or registry',
  );
  report('npm start to ready, the second time', await secondsToReady(clone, port), 's');
}

async function secondsToReady(clone: string, port: number): Promise<number> {
  const started = performance.now();
  const env = {
    ...process.env,
    PORT: String(port),
    LOG_LEVEL: 'error',
    DRAIN_SECONDS: '0',
    DATA_DIR: '',
    DATABASE_URL: '',
  };
  const child = spawn('npm', ['start'], { cwd: clone, env, stdio: 'ignore' });
  await untilReady(`http://127.0.0.1:${port}`, child);
  const seconds = (performance.now() - started) / 1000;
  child.kill('SIGTERM');
  await once(child, 'exit');
  return seconds;
}
