import { once } from 'node:events';
import type { Context, Streams } from './context.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';

const [END, INTERRUPT, ENTER, LINE_FEED] = ['\u0004', '\u0003', '\r', '\n'];
const ERASE = new Set(['\u007f', '\b']);

/** All of the standard input, without spaces around it. */
export async function readInput({ input }: Streams): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) text += chunk;
  return text.trim();
}

/**
 * A secret: typed unseen at a terminal, otherwise the standard input.
 * @throws CommandError when nothing is given
 */
export async function readSecret(context: Context, question: string): Promise<string> {
  const { streams } = context;
  const secret = context.isInteractive
    ? await typedUnseen(streams, question)
    : await readInput(streams);
  if (secret === '') throw usageError(`${question}: no input.`);
  return secret;
}

async function typedUnseen({ input, errors }: Streams, question: string): Promise<string> {
  // Before it asks: what is pasted at once would be shown by the terminal.
  input.setRawMode(true).setEncoding('utf8').resume();
  let text = '';
  try {
    errors.write(`${question}: `);
    for (let isOpen = true; isOpen; ) {
      const [chunk] = (await once(input, 'data')) as [string];
      for (const character of chunk) {
        if (character === INTERRUPT) throw new CommandError(EXIT.interrupted, 'interrupted', '');
        if ([END, ENTER, LINE_FEED].includes(character)) isOpen = false;
        else if (ERASE.has(character)) text = text.slice(0, -1);
        else if (isOpen) text += character;
      }
    }
    return text.trim();
  } finally {
    input.setRawMode(false).pause();
    errors.write('\n');
  }
}

/** A line that a person types; empty when they end the input. */
export async function ask({ input, errors }: Streams, question: string): Promise<string> {
  const { createInterface } = await import('node:readline');
  const lines = createInterface({ input, output: errors });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('SIGINT', () =>
        reject(new CommandError(EXIT.interrupted, 'interrupted', 'Nothing was done.')),
      );
      lines.once('close', () => resolve(''));
      lines.question(question, resolve);
    });
  } finally {
    lines.close();
  }
}
