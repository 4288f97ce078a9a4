import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Context } from '../context.js';
import type { Options } from '../flags.js';

const LESS = 'less -FRX';

/**
 * Has what `work` writes paged at a terminal, by `ROLLCALL_PAGER`, `PAGER` or less; an empty one or
 * `cat` is none. Where the pager fails, `work` is called again and writes without it.
 */
export async function withPager(
  context: Context,
  { pager: isWanted, limit, all }: Options,
  work: (stream: Writable) => Promise<void>,
): Promise<void> {
  const { streams, terminal, environment } = context;
  const command = environment.ROLLCALL_PAGER ?? environment.PAGER ?? LESS;
  const mayBeLong = limit !== undefined || all === true;
  if (!terminal.isTerminal || isWanted === false || !mayBeLong || /^(cat)?$/.test(command.trim()))
    return work(streams.output);
  if (await pagedBy(command, work)) return;
  context.say(`The pager \`${command}\` failed; this is without it.`);
  return work(streams.output);
}

/** @returns whether the pager was there and ended well, as it does when a person leaves it */
async function pagedBy(
  command: string,
  work: (stream: Writable) => Promise<void>,
): Promise<boolean> {
  const pager = spawn(command, { shell: true, stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = once(pager, 'exit').then(
    ([code]) => code === 0,
    () => false,
  );
  // A person may leave it before the end.
  pager.stdin.on('error', () => undefined);
  try {
    await Promise.race([work(pager.stdin), ended]);
  } finally {
    pager.stdin.end();
    await ended;
  }
  return ended;
}
