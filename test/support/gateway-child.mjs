/**
 * A gateway in a process of its own, to be killed: the built program, with a test's settings. Its
 * one parameter is JSON: the settings of `createApp` that JSON can hold, `connection`, and `crashAt`
 * with the place at which this process ends as `kill -9` would end it: `delete:before`, or
 * `delete:after#3` for the third time that place is passed. Prints its address once it works.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createApp } from '../../dist/src/app.js';
import { openDatabase } from '../../dist/src/database/index.js';
import { systemClock } from '../../dist/src/lib/clock.js';
import { armCrashPoints } from '../../dist/src/lib/crash-point.js';
import { silentLogger } from '../../dist/src/lib/logger.js';

const { connection, crashAt = '', ...settings } = JSON.parse(process.argv[2]);
if (crashAt !== '') {
  const [crashPlace, times = '1'] = crashAt.split('#');
  let left = Number(times);
  armCrashPoints((place) => {
    if (place === crashPlace && --left === 0) process.kill(process.pid, 'SIGKILL');
  });
}
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
setInterval(async () => {
  if ((await app.recurringJobs.runAll()).length > 0) process.exit(1);
}, 50);
console.log(`http://127.0.0.1:${server.address().port}`);
