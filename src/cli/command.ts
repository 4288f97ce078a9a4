import { resolve } from 'node:path';
import {
  connect,
  type Database,
  type DatabaseConnection,
  type DatabasePlace,
  openDatabase,
} from '../database/index.js';
import { systemClock } from '../lib/clock.js';
import { silentLogger } from '../lib/logger.js';
import { secretIn } from '../lib/secret-file.js';
import { StartError } from '../lib/start-error.js';
import { Undo } from '../lib/undo.js';
import { createSecrets, isSealed } from '../secrets/index.js';

const POOL_SIZE = 4;

/** What the gateways' configuration says. */
export interface CommandSettings extends DatabasePlace {
  /** Absent: kept in `dataDir`. */
  readonly secret: string | undefined;
  readonly previousSecrets: readonly string[];
}

/** How a command ended. */
export interface CommandResult {
  /** 0: done. 1: it failed, or what it checks is wrong. 2: it could not be run as it was given. */
  readonly exitCode: 0 | 1 | 2;
  readonly lines: readonly string[];
}

/** What a command works with. */
interface CommandParts {
  readonly database: Database;
  /** For what the gateways' role may not do. */
  readonly owner: DatabaseConnection;
  readonly secrets: ReturnType<typeof createSecrets>;
}

/**
 * Runs a command of the operator's on the gateways' database, beside those that run. What an
 * operator can do something about is said in one line.
 */
export async function onDatabase(
  settings: CommandSettings,
  work: (parts: CommandParts) => Promise<CommandResult>,
): Promise<CommandResult> {
  const undo = new Undo();
  try {
    const { connection, owner = connection, stop } = await connect(settings, () => undefined);
    undo.push(stop);
    const database = openDatabase({ connection, poolSize: POOL_SIZE });
    undo.push(() => database.close());
    const secret =
      settings.secret ?? (await secretIn(resolve(settings.dataDir), () => isSealed(database)));
    const { previousSecrets } = settings;
    const [clock, logger] = [systemClock, silentLogger];
    const secrets = createSecrets({ database, clock, logger, secret, previousSecrets });
    undo.push(() => secrets.lease.end());
    return await work({ database, owner, secrets });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return { exitCode: 1, lines: [reason] };
  } finally {
    await undo.run();
  }
}

/** `undefined`: nothing that an operator could do something about. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof StartError) return error.message;
  const isOlder = (error as { code?: string }).code === '42P01';
  return isOlder
    ? 'The database is older than this release. Run `npm run migrate` first.'
    : undefined;
}
