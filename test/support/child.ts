import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { AppSettings } from '../../src/app.js';
import { checkout } from './checkout.js';
import { BRISK, type Gateway, GENEROUS, SECRET } from './gateway.js';
import type { ChildSettings } from './gateway-child.js';
import { SHORT_LIVED } from './processes.js';
import { MAX_WAIT_MS, waitFor } from './wait.js';

/** A second gateway on the database of the first, in a process that can be killed. */
export interface Child {
  readonly url: string;
  /** Resolves with the signal that ended the process. */
  readonly ended: Promise<NodeJS.Signals | null>;
  /** As `kill -9` does; resolves once it is dead. */
  kill(): Promise<void>;
}

/** @param crashAt a crash point, such as `delete:before` */
export async function startChild(
  gateway: Gateway,
  disconnects: AppSettings['disconnects'] = {},
  crashAt = '',
): Promise<Child> {
  const settings: ChildSettings = {
    connection: gateway.connection,
    secret: SECRET,
    policies: BRISK,
    rateLimit: GENEROUS,
    load: { loopDelayMs: MAX_WAIT_MS },
    disconnects,
    crashAt,
  };
  const child = spawn(
    process.execPath,
    [
      ...SHORT_LIVED,
      join(checkout, 'dist', 'bundle', 'gateway-child.js'),
      JSON.stringify(settings),
    ],
    {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  const line = await waitFor('the child to print its address', () => firstLine(child));
  const [url = '', ...name] = line.split(' ');
  // Its lease would run out by itself, which takes longer than these tests have.
  const ended = exited.then(async ([, signal]) => {
    await gateway
      .asOwner(`DELETE FROM gateway_processes WHERE name = '${name.join(' ')}'`)
      .catch(() => undefined);
    return signal as NodeJS.Signals | null;
  });
  return {
    url,
    ended,
    kill: async () => {
      child.kill('SIGKILL');
      await waitFor('the child to end', () => ended.then(() => true));
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.includes('\n')) return text.trim();
  }
  throw new Error('the child ended before it worked');
}
