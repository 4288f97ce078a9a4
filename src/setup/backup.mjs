import { runOnDatabase } from './database-command.mjs';

await runOnDatabase('backup', ({ backUp }, settings) => backUp(settings, process.argv.slice(2)));
