import { prepare } from './prepare.mjs';

await prepare();
const { verifyReceipt } = await import('../../dist/src/cli/verify-receipt.js');
const { exitCode, lines } = await verifyReceipt(process.argv.slice(2));
(exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
process.exitCode = exitCode;
