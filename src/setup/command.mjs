/** `npm run rollcall -- …` and the npm scripts that are commands: up to date with the sources. */
import { prepare } from './prepare.mjs';

await prepare();
await import('../../dist/bundle/rollcall.js');
