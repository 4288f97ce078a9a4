import { bringUpToDate, connect, type DatabasePlace } from '../database/index.js';
import { StartError } from '../lib/start-error.js';
import type { CommandResult } from './command.js';

/**
 * `npm run migrate`: what a start does to the database with `MIGRATE_ON_START=true`, alone. Gateways
 * of this release and of the one before may run meanwhile.
 *
 * @param folder of the migrations
 */
export async function migrateDatabase(
  place: DatabasePlace,
  folder: string,
): Promise<CommandResult> {
  try {
    const connected = await connect(place, () => undefined);
    try {
      const { applied } = await bringUpToDate(connected, folder);
      const outcome =
        applied.length === 0
          ? 'No migration was pending.'
          : `Applied ${applied.length} migrations, up to ${applied.at(-1)}.`;
      return { exitCode: 0, lines: [outcome] };
    } finally {
      await connected.stop();
    }
  } catch (error) {
    if (error instanceof StartError) return { exitCode: 1, lines: [error.message] };
    throw error;
  }
}
