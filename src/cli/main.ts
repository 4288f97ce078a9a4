/**
 * `rollcall` on the command line. Little is loaded before it is known what is asked for, and nothing
 * of the gateway unless a command works on its database.
 */
import { showSourcePositions } from '../lib/source-positions.js';
import { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { runCommandLine } from './run.js';

showSourcePositions();
const words = process.argv.slice(2);
const context = new Context(
  { input: process.stdin, output: process.stdout, errors: process.stderr },
  process.env,
);

// Who reads may have seen enough.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(EXIT.done);
    if (stream === process.stdout) context.say(`Error: the output cannot be written: ${message}.`);
    process.exit(EXIT.failed);
  });
process.on('SIGINT', () => {
  for (const line of context.onInterrupt) context.say(line);
  context.progress.clear();
  process.exit(EXIT.interrupted);
});

process.exitCode = await runCommandLine(context, words);
