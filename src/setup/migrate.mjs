import { join } from 'node:path';
import { runOnDatabase } from './database-command.mjs';
import { root } from './paths.mjs';

await runOnDatabase(
  'migrate',
  ({ migrateDatabase }, place) => migrateDatabase(place, join(root, 'prisma', 'migrations')),
  ({ readDatabasePlace }) => readDatabasePlace(process.env),
);
