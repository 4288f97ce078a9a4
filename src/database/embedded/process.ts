import { spawn } from 'node:child_process';

/** An account of the operating system, as numbers. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** What a finished program said. */
interface Finished {
  /** The exit code, or `null` when a signal ended it or it could not be started. */
  readonly code: number | null;
  /** Standard output and standard error together. */
  readonly output: string;
}

/**
 * How every PostgreSQL program is started: under the given user, and without this process's
 * environment, which holds the providers' keys.
 */
export function launchOptions(user: SystemUser | undefined) {
  return {
    ...user,
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
  };
}

/**
 * Runs a program to its end. Never rejects: a program that cannot be started has the code `null`
 * and the reason as output.
 */
export function run(
  command: string,
  parameters: readonly string[],
  user: SystemUser | undefined,
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, {
      ...launchOptions(user),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output: output.trim() }));
  });
}
