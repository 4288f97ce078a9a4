import { type AuditCheck, createAuditChain, noteOf, parseNote } from '../audit/index.js';
import { systemClock } from '../lib/clock.js';
import { type CommandResult, type CommandSettings, onDatabase } from './command.js';

const USAGE =
  'Usage: rollcall verify-audit [POSITION:HASH …], where each is the end of the chain as an earlier run printed it';

/**
 * `npm run verify-audit`, with the gateways' variables: checks that every entry of the audit log is
 * as it was sealed and none is missing. Notes of earlier runs prove that the end was not cut off.
 */
export async function verifyAudit(
  settings: CommandSettings,
  notes: readonly string[],
): Promise<CommandResult> {
  const noted = notes.flatMap((note) => parseNote(note) ?? []);
  if (noted.length < notes.length) return { exitCode: 2, lines: [USAGE] };
  return onDatabase(settings, async ({ database, secrets }) => {
    const chain = createAuditChain({ database, signer: secrets.signer, clock: systemClock });
    return resultOf(await chain.check(await secrets.service.receiptKeys(), noted));
  });
}

function resultOf({ counts, faults, last }: AuditCheck): CommandResult {
  const { entries, sealed, waiting, waiting_since: since } = counts;
  if (faults.length > 0)
    return {
      exitCode: 1,
      lines: [
        `Not verified: the audit log has ${entries} entries, ${sealed} of them sealed and ${waiting} waiting.`,
        ...faults,
      ],
    };
  return {
    exitCode: 0,
    lines: [
      `Verified: ${sealed} audit entries are as they were sealed, and none is missing.`,
      waiting === 0
        ? 'No entry waits to be sealed.'
        : `${waiting} entries wait to be sealed, the oldest since ${since?.toISOString()}: nothing is proved of them yet.`,
      `End of the chain, to be noted elsewhere: ${noteOf(last)}`,
    ],
  };
}
