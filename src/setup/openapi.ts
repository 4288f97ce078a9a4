import { writeFileSync } from 'node:fs';
import { describeApi } from '../api/openapi/document.js';
import { TAGS } from '../api/tags.js';
import { assemble } from '../app.js';
import { openDatabase } from '../database/index.js';
import { systemClock } from '../lib/clock.js';
import { silentLogger } from '../lib/logger.js';

/**
 * Writes the OpenAPI document of this checkout to a file. It needs no database: nothing is asked of
 * one.
 */
const { routes, endpoints } = assemble({
  database: openDatabase({ connection: {}, poolSize: 1 }),
  clock: systemClock,
  logger: silentLogger,
  secret: Buffer.alloc(32).toString('base64'),
  sweepIntervalSeconds: 300,
  openApi: '',
});
writeFileSync(process.argv[2] ?? '', JSON.stringify(describeApi(routes, endpoints, TAGS)));
