import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEmbedded } from '../src/database/index.js';
import { median, report, spread } from './figures.js';
import { untilReady } from './gateway-process.js';

const CHECKOUT = decodeURIComponent(new URL('../..', import.meta.url).pathname);
const ROUNDS = 5;
/** How `main.js` loads what a process that serves runs. */
const GATEWAY = /import\("\.\/(gateway-\w+\.js)"\)/;

/**
 * Seconds from `npm start` to ready: on a fresh clone, where it installs, builds and makes the
 * database, and later, beside what there is no start without: the gateway's modules and the database.
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
  const later: number[] = [];
  const least: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    later.push(await secondsToReady(clone, port));
    least.push((await secondsToLoad(clone)) + (await secondsOfDatabase(clone)));
  }
  const [again, needed] = [median(later), median(least)];
  report('npm start to ready, later', again, 's', `spread ${Math.round(spread(later))} %`);
  report('modules and database alone', needed, 's', `spread ${Math.round(spread(least))} %`);
  report('npm start beside modules and database', again / needed, '×');
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
  const seconds = secondsSince(started);
  child.kill('SIGTERM');
  await once(child, 'exit');
  return seconds;
}

/** Loads all that a gateway runs with, and runs none of it. */
async function secondsToLoad(clone: string): Promise<number> {
  const folder = join(clone, 'dist', 'bundle');
  const [, name] = GATEWAY.exec(await readFile(join(folder, 'main.js'), 'utf8')) ?? [];
  if (name === undefined) throw new Error(`main.js in ${folder} loads no gateway`);
  const started = performance.now();
  const child = spawn(process.execPath, [join(folder, name)], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`loading ${name} ended with ${code}`);
  return secondsSince(started);
}

async function secondsOfDatabase(clone: string): Promise<number> {
  const started = performance.now();
  const dataDir = join(clone, 'data');
  const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
  const seconds = secondsSince(started);
  await embedded.stop();
  return seconds;
}

const secondsSince = (started: number): number => (performance.now() - started) / 1000;
