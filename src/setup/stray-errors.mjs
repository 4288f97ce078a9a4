/**
 * Errors that no code waits for: a promise that rejects after its test, a socket that nobody listens
 * to. Node.js would end the process, and with it all that the file's other tests have to tell. They
 * are kept instead, and `test-runner.mjs` fails the file that left them.
 */
import { inspect } from 'node:util';

/** The type of a message from a process that runs tests: `{ type, text }`. */
export const STRAY_ERROR = 'stray-error';

/** What no file has been failed with so far: of this process, or left after the end of a file. */
export const strayErrors = [];
process.on('exit', () => {
  if (strayErrors.length === 0) return;
  console.error(`Left after the end of its test file:\n${strayErrors.join('\n')}`);
  process.exitCode = 1;
});

/** Begins to keep them in this process, which Jest's `setupFiles` ask for. */
export default function keepStrayErrors() {
  process.on('uncaughtException', (error) => {
    const text = inspect(error);
    if (process.send) process.send({ type: STRAY_ERROR, text });
    else strayErrors.push(text);
  });
}
