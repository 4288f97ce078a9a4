import { prepare } from './prepare.mjs';

await prepare();
const { mockAdapter } = await import('../../dist/src/cli/mock-adapter.js');
process.exitCode = await mockAdapter(process.argv.slice(2), console.log);
