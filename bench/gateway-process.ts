import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { newId } from '../src/lib/ids.js';
import { makeKey } from '../src/teams/key-format.js';
import { waitFor } from '../test/support/wait.js';

/** The gateway as operators run it: a process of its own, configured by its environment. */
export interface GatewayProcess {
  readonly url: string;
  readonly key: string;
  readonly pid: number;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: object, headers?: Record<string, string>): Promise<Answer>;
  /** Resident memory in MB, now and at its highest so far. */
  memory(): Promise<{ readonly now: number; readonly peak: number }>;
  /**
   * Processor time in seconds that it has used, and its embedded database if it started that itself;
   * 0 off Linux.
   */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** Milliseconds: the first start of a clone installs packages and builds. */
const MAX_START_MS = 600_000;

interface Answer {
  readonly status: number;
  readonly body: ReturnType<typeof JSON.parse>;
}

export async function startGatewayProcess(
  port: number,
  environment: Readonly<Record<string, string>>,
): Promise<GatewayProcess> {
  const key = makeKey(newId('key'));
  const url = `http://127.0.0.1:${port}`;
  const main = new URL('../bundle/main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [decodeURIComponent(main)], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      ROLLCALL_ROOT_KEY: key,
      LOG_LEVEL: 'error',
      DRAIN_SECONDS: '0',
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilReady(url, child);
  const ask = async (
    method: string,
    path: string,
    body?: object,
    more: Record<string, string> = {},
  ): Promise<Answer> => {
    const headers = {
      Authorization: `Bearer ${key}`,
      'Content-Type': 'application/json',
      ...more,
    };
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  // The root key has a caller's quota; the bench needs more.
  const rate_limit = { quota: 1_000_000, window_seconds: 1 };
  const made = await ask('POST', '/v1/keys', { name: 'bench', scopes: ['admin'], rate_limit });
  return {
    url,
    key: made.body.data.key,
    pid: child.pid ?? 0,
    get: (path, headers) => ask('GET', path, undefined, headers),
    post: (path, body, headers) => ask('POST', path, body, headers),
    memory: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      const megabytes = (field: string) =>
        Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
      return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
    },
    cpuSeconds: () => cpuSecondsOf(child.pid),
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

const TICKS_PER_SECOND = 100;

/** Of a process, and unless left out of all that descend from it, ended ones too; 0 off Linux. */
export async function cpuSecondsOf(
  pid: number | undefined,
  withDescendants = true,
): Promise<number> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const processes = await Promise.all(
    pids.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
      // From the field after the name and the state on: the parent, and behind nine others the user
      // and system time, first its own and then those of its children that have ended.
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(1)
        .map(Number);
      const [parent = 0] = fields;
      const [user = 0, system = 0, userEnded = 0, systemEnded = 0] = fields.slice(10, 14);
      return { pid: Number(name), parent, own: user + system, ended: userEnded + systemEnded };
    }),
  );
  const ticksOf = (root: number | undefined): number =>
    processes.reduce((sum, { pid, parent, own, ended }) => {
      const ofRoot = pid === root ? own + (withDescendants ? ended : 0) : 0;
      return sum + ofRoot + (withDescendants && parent === root ? ticksOf(pid) : 0);
    }, 0);
  return ticksOf(pid) / TICKS_PER_SECOND;
}

/** Resolves when the gateway answers that it is ready; rejects when its process ends before. */
export async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const isReady = async () => {
    if (child.exitCode !== null)
      throw new Error(`the gateway ended with exit code ${child.exitCode}`);
    return fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
  };
  await waitFor('the gateway to be ready', isReady, { ms: MAX_START_MS, everyMs: 20 });
}
