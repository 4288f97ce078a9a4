/**
 * A gateway in a process of its own, to be killed: the built program, with the patience of a test.
 * Its one parameter is JSON: the settings of `createApp` that it can hold, and `connection`. Prints
 * its address once it works.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createApp } from '../../dist/src/app.js';
import { openDatabase } from '../../dist/src/database/index.js';
import { systemClock } from '../../dist/src/lib/clock.js';
import { silentLogger } from '../../dist/src/lib/logger.js';

const { connection, ...settings } = JSON.parse(process.argv[2]);
const database = openDatabase({ connection, poolSize: 10 });
const app = await createApp({
  database,
  clock: systemClock,
  logger: silentLogger,
  sweepIntervalSeconds: 3600,
  ...settings,
});
const server = createServer(app.http).listen(0, '127.0.0.1');
await once(server, 'listening');
await app.work();
setInterval(() => app.reconcile().catch(() => process.exit(1)), 50);
console.log(`http://127.0.0.1:${server.address().port}`);
