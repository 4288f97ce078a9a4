import type { App } from '../../src/app.js';
import { silentLogger } from '../../src/lib/logger.js';
import { openApi } from '../support/api-document.js';
import { createApp } from '../support/app.js';
import { BRISK, SECRET } from '../support/gateway.js';
import { afterEach, describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';
import type { ProviderName } from './provider-formats.js';
import { useWorlds, type World } from './world.js';

const clock = shiftedClock();
const INTERVAL_SECONDS = 20;
const TICK_SECONDS = 5;
/** What a start may take by the clock, which goes on while it is shifted. */
const SLOW_MACHINE_SECONDS = 60;
// A circuit that opens stays so until the provider is asked again.
const policies = { ...BRISK, breakerOpenMs: 20, breakerOpenMaxMs: 20, readAttempts: 1 };

/** Processes besides the worlds' own: they end first, as the database is the worlds'. */
const others: App[] = [];
afterEach(async () => {
  for (const app of others.splice(0)) await app.stop();
});
const worlds = useWorlds(
  { clock, sweepIntervalSeconds: INTERVAL_SECONDS, policies },
  { per: 'test' },
);

const IDS: Record<ProviderName, readonly string[]> = {
  outfame: ['acc_a', 'acc_b'],
  creatoraudit: ['3c90c3cc-0d44-4b50-8888-8dd25736052a'],
  socialsyncer: ['instagram/17841400123456789'],
  octopost: ['acc_a', 'acc_b'],
};
const openAll = () =>
  Promise.all((Object.keys(IDS) as ProviderName[]).map((name) => worlds.open(name, IDS[name])));

/** The gateway is there and works for so long; `queue` off: nobody does what it queues. */
async function work(app: App, seconds: number, { queue = true } = {}): Promise<void> {
  for (let passed = 0; passed < seconds; passed += TICK_SECONDS) {
    clock.advance(TICK_SECONDS * 1000);
    await app.recurringJobs.runAll();
    if (queue) await waitFor('all sweeps to end', isIdle);
  }
}

async function isIdle(): Promise<boolean> {
  const state = { in: ['queued', 'running'] };
  return (await worlds.gateway().database.prisma.sweep.count({ where: { state } })) === 0;
}

/** Another process of the gateway, on the same database; it ends with the test. */
async function startAnother(): Promise<App> {
  const app = await createApp({
    database: worlds.gateway().database,
    clock,
    logger: silentLogger,
    secret: SECRET,
    sweepIntervalSeconds: INTERVAL_SECONDS,
    openApi,
    policies,
  });
  others.push(app);
  return app;
}

/** Nobody is there for so long; then another process is. */
async function beAway(seconds: number): Promise<App> {
  await worlds.gateway().halt();
  clock.advance(seconds * 1000);
  const app = await startAnother();
  await app.work();
  return app;
}

const healthOf = async ({ accounts }: World) =>
  (await accounts()).map(({ health: { status, reason, fault } }) => ({ status, reason, fault }));
const resumed = ({ events }: World) => events('gateway.resumed');
const changes = ({ events }: World) => events('account.health_changed', 'account.updated');

describe('11 own absence', () => {
  test('gateway stopped for four intervals', async () => {
    const opened = await openAll();
    await work(worlds.gateway().app, 60);
    const before = await Promise.all(opened.map(healthOf));
    await work(await beAway(75), 90);
    expect(await Promise.all(opened.map(healthOf))).toEqual(before);
    for (const world of opened) {
      expect(await changes(world)).toEqual([]);
      expect(await resumed(world)).toHaveLength(1);
    }
  });

  test('the event tells how long nothing was looked at', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    await work(worlds.gateway().app, 30);
    await work(await beAway(600), 30);
    const [event, ...more] = await resumed(world);
    expect(more).toEqual([]);
    const { stopped_at, resumed_at, seconds } = event.data;
    expect(seconds).toBeGreaterThanOrEqual(600);
    expect(seconds).toBeLessThanOrEqual(600 + 2 * TICK_SECONDS + SLOW_MACHINE_SECONDS);
    expect((Date.parse(resumed_at) - Date.parse(stopped_at)) / 1000).toBeCloseTo(seconds, 0);
    expect(await changes(world)).toEqual([]);
  });

  test.each([
    ['a day', 24 * 3600],
    ['three intervals and a bit', 65],
    ['a fortnight', 14 * 24 * 3600],
  ])('%s of nobody there changes no verdict, however many accounts', async (_what, seconds) => {
    const ids = Array.from({ length: 30 }, (_, number) => `acc_${number}`);
    const world = await worlds.open('octopost', ids);
    await work(worlds.gateway().app, 40);
    const app = await beAway(seconds);
    await app.recurringJobs.runAll();
    expect(new Set((await healthOf(world)).map(({ status }) => status))).toEqual(
      new Set(['healthy']),
    );
    await work(app, 40);
    expect(await changes(world)).toEqual([]);
    expect(await resumed(world)).toHaveLength(1);
  });

  test('a gateway that works has nothing to resume from', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    await work(worlds.gateway().app, 200);
    expect(await resumed(world)).toEqual([]);
    expect(await changes(world)).toEqual([]);
  });

  test('a restart within moments is no absence', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    await work(worlds.gateway().app, 40);
    await work(await beAway(10), 40);
    expect(await resumed(world)).toEqual([]);
    expect(await changes(world)).toEqual([]);
  });

  test('two processes that come back tell it once', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    await work(worlds.gateway().app, 30);
    const first = await beAway(100);
    const second = await startAnother();
    await Promise.all([first, second].map(({ recurringJobs }) => recurringJobs.runAll()));
    await work(first, 30);
    await second.recurringJobs.runAll();
    expect(await resumed(world)).toHaveLength(1);
  });

  test('one process that stays keeps another’s absence from being everybody’s', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    const { app } = worlds.gateway();
    await work(app, 100);
    await work(await startAnother(), 20);
    await work(app, 20);
    expect(await resumed(world)).toEqual([]);
  });

  test('a queue that does nothing: not_checked, by the gateway’s fault, after three intervals', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    await worlds.gateway().halt();
    const idle = await startAnother();
    await work(idle, 2 * INTERVAL_SECONDS, { queue: false });
    expect(await changes(world)).toEqual([]);
    await work(idle, 3 * INTERVAL_SECONDS, { queue: false });
    const verdict = { status: 'unknown', reason: 'not_checked', fault: 'gateway' };
    expect(await healthOf(world)).toEqual([verdict, verdict]);
    expect((await world.accounts()).map(({ status }) => status)).toEqual(['active', 'active']);
  });

  test('a queue that stands still after one failed look: not_checked, not the provider’s silence', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    world.provider.when('any', { status: 500, body: { error: 'x', code: 'internal' } });
    expect((await world.sweep()).state).toBe('failed');
    world.provider.asUsual();
    await worlds.gateway().halt();
    const idle = await startAnother();
    await work(idle, 3.5 * INTERVAL_SECONDS, { queue: false });
    expect(await changes(world)).toEqual([]);
    await work(idle, 2 * INTERVAL_SECONDS, { queue: false });
    const verdict = { status: 'unknown', reason: 'not_checked', fault: 'gateway' };
    expect(await healthOf(world)).toEqual([verdict, verdict]);
    expect(await world.events('provider.incident_opened')).toEqual([]);
  });

  test('a machine that was suspended: its clock jumps, and nothing else tells that it was away', async () => {
    const opened = await openAll();
    const { app } = worlds.gateway();
    await work(app, 40);
    // The last look before it fails, and so do the first ones after it.
    const [world] = opened;
    world?.provider.when('any', { status: 500, body: { error: 'x', code: 'internal' } });
    await world?.sweep();
    clock.advance(3600_000);
    await app.recurringJobs.runAll();
    for (const each of opened) expect(await changes(each)).toEqual([]);
    await work(app, INTERVAL_SECONDS);
    world?.provider.asUsual();
    await work(app, 4 * INTERVAL_SECONDS);
    for (const each of opened) {
      expect(await changes(each)).toEqual([]);
      const [event, ...more] = await resumed(each);
      expect(more).toEqual([]);
      expect(event.data.seconds).toBeGreaterThanOrEqual(3600);
    }
  });

  test('a machine that is suspended again and again tells it each time, and ages nothing', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    world.provider.when('any', { status: 500, body: { error: 'x', code: 'internal' } });
    const { app } = worlds.gateway();
    for (let night = 0; night < 4; night++) {
      await work(app, INTERVAL_SECONDS / 2);
      clock.advance(8 * 3600_000);
      await app.recurringJobs.runAll();
    }
    expect(await changes(world)).toEqual([]);
    expect(await resumed(world)).toHaveLength(4);
  });

  test('time in which nobody ran does not count for it', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    await worlds.gateway().halt();
    await work(await startAnother(), INTERVAL_SECONDS, { queue: false });
    for (const app of others.splice(0)) await app.stop();
    clock.advance(10 * INTERVAL_SECONDS * 1000);
    await work(await startAnother(), 2 * INTERVAL_SECONDS, { queue: false });
    expect(await changes(world)).toEqual([]);
  });

  test('a provider that is down when we come back is asked in vain before anything is said of it', async () => {
    const world = await worlds.open('octopost', IDS.octopost);
    await work(worlds.gateway().app, 30);
    world.provider.when('any', { status: 500, body: { error: 'x', code: 'internal' } });
    const app = await beAway(300);
    await work(app, 15);
    expect(await changes(world)).toEqual([]);
    world.provider.asUsual();
    await work(app, 60);
    expect((await healthOf(world)).map(({ status }) => status)).toEqual(['healthy', 'healthy']);
    expect(await changes(world)).toEqual([]);
  });

  test('a provider’s outage opens its incident before any verdict ages, at short intervals', async () => {
    const ids = Array.from({ length: 20 }, (_, number) => `acc_${number}`);
    const world = await worlds.open('octopost', ids);
    const { app } = worlds.gateway();
    await work(app, 40);
    world.provider.when('any', { status: 503, body: { error: 'down', code: 'unavailable' } });
    await work(app, 300);
    const told = (await world.events('provider.incident_opened', 'account.health_changed')).map(
      ({ type }) => type,
    );
    // It is told of once for all: accounts do not flip one by one.
    expect(told).toEqual(['provider.incident_opened']);
  });
});
