import type { Config } from '../config.js';
import { createLogger } from '../lib/logger.js';
import type { RisingDatabase } from './database.js';
import type { Ending } from './ending.js';
import { ProcessGroup } from './process-group.js';

const say = (line: string) => process.stdout.write(`${line}\n`);

/**
 * Runs several processes behind one port until it is told to end. It waits for the database before
 * it starts them, holds the embedded one as long as they run, and serves nothing itself.
 * @throws StartError when the database cannot be used, or processes do not come to serve
 */
export async function supervise(
  config: Config,
  parts: { readonly database: RisingDatabase; readonly ending: Ending; readonly program: string },
): Promise<void> {
  const { database, ending, program } = parts;
  const logger = createLogger(config.logLevel);
  try {
    await database.isReady;
    const { processes: count, drainSeconds } = config;
    await new ProcessGroup({ count, drainSeconds, program, logger, say }).run(ending);
  } finally {
    await database.stop();
  }
}
