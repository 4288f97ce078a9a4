import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { checkout } from '../support/checkout.js';

const program = `
  import { startEmbedded } from ${JSON.stringify(pathToFileURL(join(checkout, 'dist/src/database/index.js')).href)};
  const database = await startEmbedded({ dataDir: process.argv[1], onProgress: () => undefined });
  process.on('SIGTERM', async () => { await database.stop(); process.exit(0); });
  console.log('up');
  setInterval(() => undefined, 1000);
`;

const running = new Set<ChildProcess>();

/**
 * Another process with the embedded database of a data folder: resolves once it is up, and stops it
 * at SIGTERM.
 */
export async function spawnEmbedded(dataDir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown];
  if (line !== 'up') throw new Error('the process ended instead of starting the database');
  return child;
}

/** Sends a signal and waits for the end. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

/** Ends those that a failed test left. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((child) => end(child, 'SIGTERM')));
}
