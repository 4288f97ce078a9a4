import { prepare } from './prepare.mjs';

await prepare();
const { readConfig } = await import('../../dist/src/config.js');
const { rotateSecret } = await import('../../dist/src/cli/rotate-secret.js');
try {
  const { exitCode, lines } = await rotateSecret(readConfig(process.env, []));
  (exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
  process.exitCode = exitCode;
} catch (error) {
  if (error.name !== 'StartError') throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
