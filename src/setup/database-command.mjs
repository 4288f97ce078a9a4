import { prepare } from './prepare.mjs';

/**
 * Runs a command on the gateways' database, with their variables, and ends this process with its
 * exit code.
 *
 * @param {string} name of its file in `src/cli`
 * @param {(command: object, settings: object) => Promise<{ exitCode: number, lines: string[] }>} run
 */
export async function runOnDatabase(name, run) {
  await prepare();
  const { readConfig } = await import('../../dist/src/config.js');
  const command = await import(`../../dist/src/cli/${name}.js`);
  try {
    const { exitCode, lines } = await run(command, readConfig(process.env, []));
    (exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
    process.exitCode = exitCode;
  } catch (error) {
    if (error.name !== 'StartError') throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
