import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { root } from './paths.mjs';

/**
 * Runs a program in the checkout to its end, and passes on the signals that would stop this
 * process.
 *
 * @param {string[]} command the program and its parameters
 * @param {'inherit' | ['ignore', 'pipe', 'pipe']} stdio pipes keep what it says
 * @param {Record<string, string>} environment on top of this process's own
 * @returns {Promise<{ code: number, output: string }>} the exit code, or 128 + n after signal n
 */
export function run([program, ...parameters], stdio, environment = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio,
    });
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      resolve({ code: code ?? 128 + constants.signals[signal], output });
    });
  });
}

/**
 * Runs a step without which there is no going on: when it fails, prints what it said and ends this
 * process.
 */
export async function runStep(command, environment) {
  const { code, output } = await run(command, ['ignore', 'pipe', 'pipe'], environment);
  if (code === 0) return;
  process.stderr.write(output);
  process.exit(code);
}
