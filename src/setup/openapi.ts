import { assemble } from '../app.js';
import { openDatabase } from '../database/index.js';
import { systemClock } from '../lib/clock.js';
import { silentLogger } from '../lib/logger.js';

/** Prints the OpenAPI document of this checkout. It needs no database: nothing is asked of one. */
const { document } = assemble({
  database: openDatabase({ connection: {}, poolSize: 1 }),
  clock: systemClock,
  logger: silentLogger,
  secret: Buffer.alloc(32).toString('base64'),
  sweepIntervalSeconds: 300,
});
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
