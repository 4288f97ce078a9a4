import { join, resolve } from 'node:path';
import {
  type BackupHeader,
  bringUpToDate,
  connect,
  readHeader,
  restoreBackup,
} from '../database/index.js';
import { systemClock } from '../lib/clock.js';
import { readIfThere } from '../lib/private-file.js';
import { createSealer } from '../lib/seal.js';
import { StartError } from '../lib/start-error.js';
import { opensCanary } from '../secrets/index.js';
import type { CommandResult, CommandSettings } from './command.js';

const USAGE = 'Usage: rollcall restore FILE';

/**
 * `npm run restore`, with the variables of the gateways to come: loads a backup into an empty
 * database and migrates it to this release. What was under way when the backup was made asks its
 * provider first when gateways start.
 *
 * @param folder of the migrations
 */
export async function restore(
  settings: CommandSettings,
  folder: string,
  parameters: readonly string[],
): Promise<CommandResult> {
  const [file] = parameters;
  if (file === undefined || parameters.length > 1) return { exitCode: 2, lines: [USAGE] };
  try {
    const header = await readHeader(resolve(file));
    await requireSecretOf(header, settings);
    const connected = await connect(settings, () => undefined);
    try {
      const owner = connected.owner ?? connected.connection;
      const report = await restoreBackup(owner, folder, resolve(file), systemClock.now());
      const { applied } = await bringUpToDate(connected, folder);
      return {
        exitCode: 0,
        lines: [
          `Restored ${report.rows} rows of ${report.tables} tables, as they were at ${header.created_at}.`,
          ...(applied.length > 0 ? [`Applied ${applied.length} migrations made since.`] : []),
          'Start the gateways: work that was in progress asks its provider first. Keys that were revoked since are valid again.',
        ],
      };
    } finally {
      await connected.stop();
    }
  } catch (error) {
    if (error instanceof StartError) return { exitCode: 1, lines: [error.message] };
    throw error;
  }
}

/** @throws StartError when what the backup is sealed with is not at hand */
async function requireSecretOf(
  { secrets }: BackupHeader,
  { secret, previousSecrets, dataDir }: CommandSettings,
): Promise<void> {
  const file = join(resolve(dataDir), 'secret');
  const held = secret ?? (await readIfThere(file))?.trim();
  if (held === undefined)
    throw new StartError(
      `ROLLCALL_SECRET: set the secret that the backup was made with, or put it into ${file}.`,
    );
  const sealer = createSealer(held, previousSecrets);
  const closed = secrets.find(
    ({ id, canary }) => !opensCanary(sealer, id, Buffer.from(canary, 'base64')),
  );
  if (closed)
    throw new StartError(
      `ROLLCALL_SECRET: the backup is encrypted with another secret (key ${closed.id}), which is neither this one nor in ROLLCALL_PREVIOUS_SECRETS.`,
    );
}
