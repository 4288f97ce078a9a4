/**
 * A gateway in a process of its own, to be killed. Its one parameter is JSON: `ChildSettings`.
 * Prints its address once it works.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AppSettings } from '../../src/app.js';
import { type DatabaseConnection, openDatabase } from '../../src/database/index.js';
import { systemClock } from '../../src/lib/clock.js';
import { armCrashPoints } from '../../src/lib/crash-point.js';
import { silentLogger } from '../../src/lib/logger.js';
import { openApi } from './api-document.js';
import { createApp } from './app.js';

export interface ChildSettings
  extends Pick<AppSettings, 'secret' | 'policies' | 'rateLimit' | 'load' | 'disconnects'> {
  readonly connection: DatabaseConnection;
  /**
   * The place at which this process ends as `kill -9` would end it: `delete:before`, or
   * `delete:after#3` for the third time that place is passed. Empty: nowhere.
   */
  readonly crashAt: string;
}

/** Short beside what tests wait, long beside what a round takes: that time is the tests', too. */
const RECURRING_JOBS_MS = 250;

/**
 * What a gateway with the smallest DATABASE_POOL_SIZE has: each session reads the catalogue and plans
 * its queries anew, which costs most of what a child of seconds asks of the database.
 */
const POOL_SIZE = 4;

const { connection, crashAt, ...settings } = JSON.parse(process.argv[2] ?? '') as ChildSettings;
if (crashAt !== '') crashOnce(crashAt);
const database = openDatabase({ connection, poolSize: POOL_SIZE });
const app = await createApp({
  database,
  clock: systemClock,
  logger: silentLogger,
  sweepIntervalSeconds: 3600,
  openApi,
  ...settings,
});
const server = createServer(app.http).listen(0, '127.0.0.1');
await once(server, 'listening');
await app.work();
setInterval(async () => {
  if ((await app.recurringJobs.runAll()).length > 0) process.exit(1);
}, RECURRING_JOBS_MS);
process.stdout.write(
  `http://127.0.0.1:${(server.address() as AddressInfo).port} ${app.processName}\n`,
);

function crashOnce(where: string): void {
  const [crashPlace, times = '1'] = where.split('#');
  let left = Number(times);
  armCrashPoints((place) => {
    if (place !== crashPlace) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  });
}
