import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdir, rm, stat, symlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { checkout } from './checkout.js';
import { makeFolder } from './folder.js';
import { waitFor } from './wait.js';

/**
 * The checkout as a stranger gets it, in a folder of its own; only the installed packages are
 * shared.
 */
export interface Clone {
  readonly folder: string;
  /** Starts a command there; `output` grows as it prints. */
  start(command: string, environment?: Readonly<Record<string, string>>): Running;
  /** Runs a command to its end. @returns what it printed @throws Error when it fails */
  run(command: string, environment?: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

export interface Running {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** Resolves with the match once it is printed; rejects when the command ends without it. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal and resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const run = promisify(execFile);
/** Milliseconds that a command may take: it may have to build and to make a database first. */
const MAX_SET_UP_MS = 400_000;

/** What preparing makes, in the order in which it does: each is younger than what it is made of. */
const PREPARED = [
  ...['adapters/index.gen.ts', 'src/database/prisma-client', 'dist/.prisma-client'],
  ...['adapters', 'bench', 'sandbox', 'src', 'test', 'bundle', 'openapi.json', 'web', '.built'].map(
    (name) => `dist/${name}`,
  ),
];

/**
 * @param isPrepared it has what preparing makes, as a checkout in use has; otherwise its first
 * command makes it, which takes some twelve seconds of a processor
 */
export async function cloneCheckout({ isPrepared = false } = {}): Promise<Clone> {
  const root = await makeFolder();
  const folder = join(root, 'roll call');
  const { stdout } = await run(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: checkout, maxBuffer: 1e8 },
  );
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    if (!(await stat(join(checkout, file)).catch(() => undefined))) continue;
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(checkout, file), join(folder, file));
  }
  await symlink(join(checkout, 'node_modules'), join(folder, 'node_modules'));
  // The packages count as installed while the lock file is no newer than they are.
  await utimes(join(folder, 'package-lock.json'), 0, 0);
  for (const made of isPrepared ? PREPARED : [])
    await cp(join(checkout, made), join(folder, made), { recursive: true });

  // What commands leave in their folder of temporary files goes with the clone.
  const { PATH, HOME } = process.env;
  const place = { PATH, HOME, TMPDIR: root };
  const start: Clone['start'] = (command, environment = {}) => {
    const env = { ...place, ...environment };
    return watch(spawn('sh', ['-c', `exec ${command}`], { cwd: folder, env }));
  };
  return {
    folder,
    start,
    run: async (command, environment = {}) => {
      const env = { ...place, ...environment };
      return (await run('sh', ['-c', command], { cwd: folder, env, maxBuffer: 1e8 })).stdout;
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

function watch(child: ChildProcess): Running {
  let output = '';
  let hasClosed = false;
  child.once('close', () => {
    hasClosed = true;
  });
  child.stdout?.on('data', (text) => {
    output += text;
  });
  child.stderr?.on('data', (text) => {
    output += text;
  });
  return {
    process: child,
    output: () => output,
    prints: async (pattern) => {
      await waitFor(`${pattern} to be printed`, () => output.slice(-1_000), {
        ms: MAX_SET_UP_MS,
        until: () => pattern.test(output) || hasClosed,
      });
      const match = pattern.exec(output);
      if (match === null) throw new Error(`ended without printing ${pattern}:\n${output}`);
      return match;
    },
    end: async (signal) => {
      if (child.exitCode !== null) return child.exitCode;
      const exited = once(child, 'exit');
      child.kill(signal);
      const [code] = await waitFor(`the command to end after ${signal}`, () => exited);
      return code as number | null;
    },
  };
}
