import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median, report, spread } from './figures.js';

const CHECKOUT = decodeURIComponent(new URL('../..', import.meta.url).pathname);
const PROGRAM = join(CHECKOUT, 'src', 'setup', 'rollcall.mjs');
const ROUNDS = 15;

/** What the command line takes to start, beside Node.js itself: the two in turns. */
export async function commands(): Promise<void> {
  const bare: number[] = [];
  const help: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(millisecondsOf(['-e', '0']));
    help.push(millisecondsOf([PROGRAM, '--help']));
  }
  const [least, told] = [median(bare), median(help)];
  report('node -e 0', least, 'ms', `spread ${Math.round(spread(bare))} %`);
  report('rollcall --help', told, 'ms', `spread ${Math.round(spread(help))} %`);
  report('rollcall --help beside node -e 0', told / least, '×');
}

function millisecondsOf(words: readonly string[]): number {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, words, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${words.join(' ')} ended with ${status}`);
  return performance.now() - started;
}
