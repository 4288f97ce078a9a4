import { archiveOldAudit, createAuditChain, noteOf } from '../audit/index.js';
import { systemClock } from '../lib/clock.js';
import { type CommandResult, type CommandSettings, onDatabase } from './command.js';

const USAGE =
  'Usage: rollcall archive-audit DATE FILE, where DATE is a day such as 2026-02-09 and FILE does not exist yet';
/** What PostgreSQL says to a role that does not own what it wants to change. */
const NOT_PERMITTED = '42501';

/**
 * `npm run archive-audit`, with the gateways' variables and the owner's URL: moves the entries of
 * the audit log from before a day (UTC) into a file and deletes them. The log is verified before.
 */
export async function archiveAudit(
  settings: CommandSettings,
  [date = '', path = '', ...more]: readonly string[],
): Promise<CommandResult> {
  const before = new Date(`${date}T00:00:00Z`);
  // A day that there is not becomes another one.
  const isDay = !Number.isNaN(before.getTime()) && before.toISOString().startsWith(`${date}T`);
  if (!isDay || path === '' || more.length > 0) return { exitCode: 2, lines: [USAGE] };
  return onDatabase(settings, async ({ database, owner, secrets }) => {
    const { signer } = secrets;
    const chain = createAuditChain({ database, signer, clock: systemClock });
    const { faults } = await chain.check(await secrets.service.receiptKeys(), []);
    if (faults.length > 0)
      return {
        exitCode: 1,
        lines: ['Nothing was archived: the log could not be verified.', ...faults],
      };
    try {
      const archived = await archiveOldAudit({ database, signer }, owner, before, path);
      if (archived === undefined)
        return { exitCode: 0, lines: [`No audit entry is from before ${date}.`] };
      const { entries, last } = archived;
      return {
        exitCode: 0,
        lines: [`Moved ${entries} audit entries to ${path}, up to ${noteOf(last)}.`],
      };
    } catch (error) {
      const { code } = error as { readonly code?: string };
      if (code === 'EEXIST') return { exitCode: 2, lines: [`${path} already exists. ${USAGE}`] };
      if (code !== NOT_PERMITTED) throw error;
      const advice = 'Set ROLLCALL_MIGRATE_URL to a user who owns the tables.';
      return { exitCode: 1, lines: [`Nothing was deleted. ${advice}`] };
    }
  });
}
