import { prepare } from './prepare.mjs';

/**
 * Runs a command on the gateways' database, with their variables, and ends this process with its
 * exit code.
 *
 * @param {string} name of its file in `src/cli`
 * @param {(command: object, settings: object) => Promise<{ exitCode: number, lines: string[] }>} run
 * @param {(config: object) => object} read makes its settings of the variables
 */
export async function runOnDatabase(
  name,
  run,
  read = ({ readConfig }) => readConfig(process.env, []),
) {
  await prepare();
  const config = await import('../../dist/src/config.js');
  const command = await import(`../../dist/src/cli/${name}.js`);
  try {
    const { exitCode, lines } = await run(command, read(config));
    (exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
    process.exitCode = exitCode;
  } catch (error) {
    if (error.name !== 'StartError') throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
