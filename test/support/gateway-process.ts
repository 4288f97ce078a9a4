import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { SystemUser } from '../../src/database/embedded/process.js';
import { newId } from '../../src/lib/ids.js';
import { makeKey } from '../../src/teams/key-format.js';
import { checkout } from './checkout.js';
import { type Client, clientOf, patient } from './client.js';
import { SHORT_LIVED } from './processes.js';
import { waitFor } from './wait.js';

/** A root key for `ROLLCALL_ROOT_KEY`, so that tests know it. */
export const ROOT_KEY = makeKey(newId('key'));
export const SECRET = Buffer.alloc(32, 9).toString('base64');

/** How a process ended. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** The gateway as operators run it: the built program in a process of its own. */
export interface GatewayProcess {
  readonly pid: number;
  readonly url: string;
  /** Holds the root key; its answers are not held to a description. */
  readonly root: Client;
  readonly output: () => string;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ending>;
}

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Waits for its end. */
  ended(): Promise<Ending>;
}

/** Where a program is installed, and who runs it. */
export interface Installation {
  readonly folder: string;
  /** The tests' own when left out. */
  readonly user?: SystemUser | undefined;
}

/** Starts the program with these variables (and PATH); it does not drain unless they say so. */
export function run(
  variables: Readonly<Record<string, string>>,
  { folder, user }: Installation = { folder: checkout },
): Run {
  const env = {
    PATH: process.env.PATH ?? '',
    PORT: '0',
    ROLLCALL_ROOT_KEY: ROOT_KEY,
    LOG_LEVEL: 'error',
    DRAIN_SECONDS: '0',
    // What a gateway with another database leaves is not for the one that `npm start` runs.
    DATA_DIR: 'dist/test-data',
    ...variables,
  };
  const child = spawn(process.execPath, [...SHORT_LIVED, join(folder, 'dist/bundle/main.js')], {
    env,
    cwd: folder,
    ...user,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const closed = once(child, 'close').then(
    ([code, signal]): Ending => ({ code, signal, output, errors }),
  );
  const ended = () => waitFor('the gateway process to end', () => closed);
  return { child, output: () => output, ended };
}

/** Starts a gateway and waits until it says where it listens. */
export async function startProcess(
  variables: Readonly<Record<string, string>>,
  installation?: Installation,
): Promise<GatewayProcess> {
  const { child, output, ended } = run(variables, installation);
  const url = await waitFor('the gateway process to say where it listens', async () => {
    if ((child.signalCode ?? child.exitCode) !== null) {
      const { signal, code, errors } = await ended();
      throw new Error(`the gateway did not start (${signal ?? `exit code ${code}`}): ${errors}`);
    }
    return /listens on (http\S+)[\s\S]*curl/.exec(output())?.[1];
  });
  return {
    pid: child.pid ?? 0,
    url,
    root: patient(clientOf(url, ROOT_KEY)),
    output,
    end: (signal) => {
      child.kill(signal);
      return ended();
    },
  };
}
