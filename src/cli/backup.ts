import { resolve } from 'node:path';
import { writeBackup } from '../database/index.js';
import { systemClock } from '../lib/clock.js';
import { type CommandResult, type CommandSettings, onDatabase } from './command.js';

const USAGE = 'Usage: rollcall backup FILE';

/**
 * `npm run backup`, with the gateways' variables and beside them: writes everything in the database
 * to one file, as it is at one moment. The secret is not in it, and must be the one in use.
 */
export async function backUp(
  settings: CommandSettings,
  parameters: readonly string[],
): Promise<CommandResult> {
  const [file] = parameters;
  if (file === undefined || parameters.length > 1) return { exitCode: 2, lines: [USAGE] };
  return onDatabase(settings, async ({ owner, secrets }) => {
    await secrets.service.check();
    if (secrets.service.problem !== null)
      return {
        exitCode: 1,
        lines: [
          'ROLLCALL_SECRET: the database is encrypted with another secret. Set the one that belongs to it, and store it apart from the backup.',
        ],
      };
    const report = await writeBackup(owner, resolve(file), systemClock.now());
    return {
      exitCode: 0,
      lines: [
        `Wrote ${report.rows} rows of ${report.tables} tables to ${file}.`,
        `It is useless without the secret (key ${secrets.sealer.keyId}), which is not in it: store the secret elsewhere.`,
      ],
    };
  });
}
