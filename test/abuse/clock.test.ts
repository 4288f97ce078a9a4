import fc from 'fast-check';
import { type Database, openDatabase } from '../../src/database/index.js';
import { RateLimiter } from '../../src/http/rate-limit.js';
import { RateWindow } from '../../src/http/rate-window.js';
import type { Clock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/logger.js';
import { OutboundRateLimiter } from '../../src/providers/rate-limit.js';
import { RetryBudget } from '../../src/providers/retry.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';

const HOUR_MS = 3_600_000;

describe('a window of a key while the clock is set back now and then', () => {
  test('lets no more than the quota through in its length, and lasts no longer than two', () => {
    const steps = fc.array(
      fc.record({
        wait: fc.integer({ min: 0, max: 20_000 }),
        setBack: fc.oneof(
          { weight: 9, arbitrary: fc.constant(0) },
          fc.integer({ min: 6_000, max: 10 * HOUR_MS }),
        ),
      }),
      { minLength: 1, maxLength: 200 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (quota, moves) => {
        const window = new RateWindow({ quota, windowSeconds: 60 });
        const taken: number[] = [];
        let real = 0;
        let clock = 1_000 * HOUR_MS;
        for (const { wait, setBack } of moves) {
          real += wait;
          clock += wait - setBack;
          const within = (ms: number) => taken.filter((time) => time > real - ms).length;
          if (window.take(clock)) {
            taken.push(real);
            // A slice of one second leaves the window as a whole.
            expect(within(59_000)).toBeLessThanOrEqual(quota);
          }
          expect(window.state(clock).resetSeconds).toBeLessThanOrEqual(65);
        }
        expect(window.take(clock + 66_000)).toBe(true);
      }),
    );
  });
});

describe('what replicas share', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = openDatabase({ connection: testDatabase.connection, poolSize: 2 });
  });
  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });

  const limit = { quota: 10, windowSeconds: 60 };
  async function uses(limiter: RateLimiter, keyId: string, times: number): Promise<number> {
    let allowed = 0;
    for (let count = 0; count < times; count++) {
      try {
        await limiter.take(
          { keyId, teamId: `team of ${keyId}`, own: limit },
          () => undefined,
          (free) => free(),
        );
        allowed += 1;
      } catch {
        // Over the limit.
      }
    }
    return allowed;
  }
  const replica = (clock: Clock) => new RateLimiter(database, clock, silentLogger);

  test('still counts after the clock was set back by an hour, for one window', async () => {
    const clock = manualClock();
    const [here, there] = [replica(clock), replica(clock)];
    expect(await uses(here, 'key_lost', 8)).toBe(8);
    expect(await uses(here, 'key_victim', 1)).toBe(1);
    await here.sync();
    clock.advance(-HOUR_MS);
    expect(await uses(here, 'key_lost', 9)).toBe(2);
    await here.sync();
    // A replica that starts anew knows of nothing but the database.
    expect(await uses(there, 'key_lost', 1)).toBe(1);
    await there.sync();
    expect([await uses(here, 'key_lost', 9), await uses(there, 'key_lost', 9)]).toEqual([0, 0]);
    await there.sync();
    expect(await uses(here, 'key_victim', 10)).toBe(9);
    clock.advance(61_000);
    await here.sync();
    await there.sync();
    expect([await uses(here, 'key_lost', 5), await uses(there, 'key_lost', 5)]).toEqual([5, 5]);
    expect(await uses(here, 'key_victim', 1)).toBe(1);
  });
});

describe('calls to a provider after the clock was set back by an hour', () => {
  const setBack = (clock: ManualClock) => clock.advance(-HOUR_MS);

  test('wait no longer than they had to without it', () => {
    const clock = manualClock();
    const bucket = new OutboundRateLimiter({ requests: 60, windowMs: 60_000 }, clock);
    for (let burst = 0; burst < 6; burst++) expect(bucket.take()).toBe(0);
    setBack(clock);
    expect(bucket.take()).toBeLessThanOrEqual(1_200);
    clock.advance(60_000);
    expect(bucket.take()).toBe(0);

    const announced = new OutboundRateLimiter({ requests: 60, windowMs: 60_000 }, clock);
    const resetAt = clock.now().getTime() + 30_000;
    announced.learn({ limit: 5, remaining: 0, resetAt });
    setBack(clock);
    expect(announced.take()).toBe(30_000);
    announced.learn({ limit: 5, remaining: 0, resetAt: clock.now().getTime() + 20_000 });
    expect(announced.take()).toBe(20_000);
    announced.block(40);
    setBack(clock);
    expect(announced.take()).toBe(40_000);
    clock.advance(40_000);
    expect(announced.take()).toBe(0);
  });

  test('have a new budget of retries a minute later', () => {
    const clock = manualClock();
    const budget = new RetryBudget({ retryFloor: 1, retryShare: 0 }, clock);
    expect([budget.take(), budget.take()]).toEqual([true, false]);
    setBack(clock);
    expect(budget.take()).toBe(false);
    clock.advance(60_000);
    expect(budget.take()).toBe(true);
  });
});
