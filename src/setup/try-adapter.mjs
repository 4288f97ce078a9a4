import { prepare } from './prepare.mjs';

await prepare();
const { tryAdapter } = await import('../../dist/src/cli/try-adapter.js');
const { exitCode, lines } = await tryAdapter(process.argv.slice(2), process.env);
(exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
process.exitCode = exitCode;
