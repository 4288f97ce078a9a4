/** Prints a key fit for ROLLCALL_ROOT_KEY. */
import { prepare } from './prepare.mjs';

await prepare();
const { newId } = await import('../../dist/src/lib/ids.js');
const { makeKey } = await import('../../dist/src/teams/key-format.js');
console.log(makeKey(newId('key')));
