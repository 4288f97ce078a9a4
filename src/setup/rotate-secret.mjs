import { runOnDatabase } from './database-command.mjs';

await runOnDatabase('rotate-secret', ({ rotateSecret }, settings) => rotateSecret(settings));
