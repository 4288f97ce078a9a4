import { join } from 'node:path';
import { runOnDatabase } from './database-command.mjs';
import { root } from './paths.mjs';

const migrations = join(root, 'prisma', 'migrations');

await runOnDatabase('restore', ({ restore }, settings) =>
  restore(settings, migrations, process.argv.slice(2)),
);
