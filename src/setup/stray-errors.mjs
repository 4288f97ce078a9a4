/**
 * Errors that no code waits for: a promise that rejects after its test, a socket that nobody listens
 * to. Node.js would end the process, and with it all that the file's other tests have to tell. They
 * are kept instead, and `test-runner.mjs` fails the file that left them.
 */
import { inspect } from 'node:util';

/** The type of a message from a process that runs tests: `{ type, text }`. */
export const STRAY_ERROR = 'stray-error';

/** What this process has kept, where it is the one that runs the runner too. */
export const strayErrors = [];

/** Begins to keep them in this process, which Jest's `setupFiles` ask for. */
export default function keepStrayErrors() {
  process.on('uncaughtException', (error) => {
    const text = inspect(error);
    if (process.send) process.send({ type: STRAY_ERROR, text });
    else strayErrors.push(text);
  });
}
