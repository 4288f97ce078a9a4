import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Context } from '../context.js';
import type { Options } from '../flags.js';

const LESS = 'less -FRX';

/**
 * Has what `work` writes paged at a terminal, by `ROLLCALL_PAGER`, `PAGER` or less; an empty one or
 * `cat` is none.
 */
export async function withPager(
  { streams, terminal, environment }: Context,
  { pager: isWanted, limit, all }: Options,
  work: (stream: Writable) => Promise<void>,
): Promise<void> {
  const command = environment.ROLLCALL_PAGER ?? environment.PAGER ?? LESS;
  const mayBeLong = limit !== undefined || all === true;
  if (!terminal.isTerminal || isWanted === false || !mayBeLong || /^(cat)?$/.test(command.trim()))
    return work(streams.output);
  const pager = spawn(command, { shell: true, stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = once(pager, 'exit');
  // A person may leave it before the end.
  pager.stdin.on('error', () => undefined);
  const left = ended.then(() => {
    throw new PagerLeft();
  });
  try {
    await Promise.race([work(pager.stdin), left]);
  } catch (error) {
    if (!(error instanceof PagerLeft)) throw error;
  } finally {
    left.catch(() => undefined);
    pager.stdin.end();
    await ended;
  }
}

class PagerLeft extends Error {}
