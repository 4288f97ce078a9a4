import { runOnDatabase } from './database-command.mjs';

await runOnDatabase('rebuild-profiles', ({ rebuildProfiles }, settings) =>
  rebuildProfiles(settings),
);
