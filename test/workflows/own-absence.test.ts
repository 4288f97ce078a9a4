import { silentLogger } from '../../src/lib/logger.js';
import { openApi } from '../support/api-document.js';
import { createApp } from '../support/app.js';
import { BRISK, type Gateway, SECRET, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { passTime } from '../support/pass-time.js';
import { waitFor } from '../support/wait.js';

/** Long enough that what a busy machine takes is none of the parts of it that are told apart. */
const INTERVAL_SECONDS = 600;
/** Longer than verdicts stand. */
const ABSENCE_SECONDS = 4 * INTERVAL_SECONDS;
const clock = shiftedClock();
let gateway: Gateway;
let octopost: string;
beforeAll(async () => {
  gateway = await startGateway({ clock, sweepIntervalSeconds: INTERVAL_SECONDS, policies: BRISK });
  octopost = await gateway.connect('octopost');
  await gateway.connect('outfame');
});
afterAll(() => gateway.stop());

/** Another gateway on the same database, started after the first one stopped. */
async function restart() {
  return createApp({
    database: gateway.database,
    clock,
    logger: silentLogger,
    secret: SECRET,
    sweepIntervalSeconds: INTERVAL_SECONDS,
    openApi,
    policies: BRISK,
  });
}

const summary = async () => (await gateway.root.get('/v1/accounts/health')).body.summary;
const eventsOf = async (type: string) => {
  await gateway.settled();
  return (await gateway.root.get(`/v1/events?type=${type}&limit=200`)).body.data;
};

test('after an absence of the gateway no verdict of a working provider changes, and one event tells how long it was', async () => {
  const before = await summary();
  await gateway.app.recurringJobs.stop();
  clock.advance(ABSENCE_SECONDS * 1000);
  const successor = await restart();
  await successor.work();
  await successor.recurringJobs.runAll();
  await waitFor(
    'every sweep to finish',
    () => gateway.database.prisma.sweep.count({ where: { finishedAt: null } }),
    { until: (count) => count === 0 },
  );
  await successor.recurringJobs.runAll();
  expect(await summary()).toEqual(before);
  expect(await eventsOf('account.health_changed')).toEqual([]);
  const resumed = await eventsOf('gateway.resumed');
  expect(resumed).toHaveLength(1);
  expect(resumed[0].data.seconds).toBeGreaterThanOrEqual(ABSENCE_SECONDS);
  await successor.stop();
});

test('what is due and nobody looks at for three intervals of running time is `not_checked`, of the gateway’s fault', async () => {
  // Sweeps are due and wait: whoever would run them is away.
  await gateway.database.pool.query(`UPDATE connections SET next_sweep_at = $1 WHERE id = $2`, [
    clock.now(),
    octopost,
  ]);
  await gateway.database.prisma.sweep.create({
    data: {
      id: 'swp_waits',
      teamId: 'team_default',
      connectionId: octopost,
      state: 'queued',
      createdAt: clock.now(),
      // The gateway of this test runs, and would take what is due.
      dueAt: new Date(clock.now().getTime() + 3_600_000),
    },
  });
  const ageNow = () => gateway.app.recurringJobs.runNamed('health.age');
  const pass = (intervals: number) =>
    passTime(clock, gateway.app, intervals * INTERVAL_SECONDS * 1000);
  await pass(2.9);
  await ageNow();
  expect(await reasonsOf('octopost')).toEqual([null, 'token_invalid']);
  await pass(0.2);
  await ageNow();
  expect(await reasonsOf('octopost')).toEqual(['not_checked']);
  const { body } = await gateway.root.get('/v1/accounts/health?provider=octopost&limit=1');
  expect(body.data[0].health).toMatchObject({ status: 'unknown', fault: 'gateway' });
  await gateway.database.prisma.sweep.delete({ where: { id: 'swp_waits' } });
  await gateway.sweep(octopost);
  expect(await reasonsOf('octopost')).toEqual([null, 'token_invalid']);
});

async function reasonsOf(provider: string): Promise<(string | null)[]> {
  const rows = await gateway.database.prisma.account.findMany({
    where: { provider },
    select: { healthReason: true },
    distinct: ['healthReason'],
    orderBy: { healthReason: { sort: 'asc', nulls: 'first' } },
  });
  return rows.map(({ healthReason }) => healthReason);
}
