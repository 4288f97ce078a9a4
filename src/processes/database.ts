import type { Config } from '../config.js';
import { bringUpToDate, type Connected, connect } from '../database/index.js';
import type { Logger } from '../lib/logger.js';

/**
 * Finds or starts the database, and migrates it.
 * @throws StartError when it cannot be used
 */
export async function bringUpDatabase(
  config: Config,
  parts: {
    readonly migrations: string;
    readonly mayMigrate: boolean;
    readonly logger: Logger;
    readonly say: (line: string) => void;
  },
): Promise<Connected> {
  const { migrations, mayMigrate, logger, say } = parts;
  const connected = await connect(config, say);
  try {
    const { applied, mayChangeAudit } = await bringUpToDate(connected, migrations, mayMigrate);
    if (mayChangeAudit)
      logger.warn(
        'the database user of the gateway could change the audit log: set ROLLCALL_MIGRATE_URL to the user who owns the tables, and DATABASE_URL to another one',
      );
    if (applied.length > 0) say(`Migrated the database (${applied.length} new).`);
    return connected;
  } catch (error) {
    await connected.stop();
    throw error;
  }
}
