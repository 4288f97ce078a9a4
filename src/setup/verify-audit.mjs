import { runOnDatabase } from './database-command.mjs';

await runOnDatabase('verify-audit', ({ verifyAudit }, settings) =>
  verifyAudit(settings, process.argv.slice(2)),
);
