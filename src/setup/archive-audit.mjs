import { runOnDatabase } from './database-command.mjs';

await runOnDatabase('archive-audit', ({ archiveAudit }, settings) =>
  archiveAudit(settings, process.argv.slice(2)),
);
