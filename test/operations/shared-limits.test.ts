import { type Database, openDatabase } from '../../src/database/index.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import type { Limits } from '../../src/model/index.js';
import { type Providers, SharedLimits } from '../../src/providers/index.js';
import {
  engineFor,
  failureOf,
  fullAdapter,
  item,
  json,
  type SmallProvider,
  startSmallProvider,
} from '../providers/small-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

const SPEED = 20;
const REPLICAS = 3;
const CALLERS = 12;
const SLOW_MS = 50;
const healthy = json(200, { items: [item('a')] });

/** Time that runs faster than the system's. */
const fast: Clock = {
  now: () => new Date(Date.now() * SPEED),
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
};

let testDatabase: TestDatabase;
let databases: Database[];
let provider: SmallProvider;
const engines: Providers[] = [];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  databases = Array.from({ length: REPLICAS }, () =>
    openDatabase({ connection: testDatabase.gateway, poolSize: 2 }),
  );
});
beforeEach(async () => {
  provider = await startSmallProvider();
});
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
  await provider.close();
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await testDatabase.drop();
});

/** Replicas that ask one provider with one key. @param name of the test's own */
function replicas(name: string, limits: Partial<Limits>) {
  const adapter = { ...fullAdapter, limits: { ...fullAdapter.limits, ...limits } };
  return databases.map((database) => {
    const { providers, full } = engineFor(
      provider,
      { readDeadlineMs: 600_000, readAttempts: 1, headersTimeoutMs: 60_000 },
      {
        clock: fast,
        adapters: [adapter],
        sharedLimits: new SharedLimits(database, fast, (text) => text),
      },
    );
    engines.push(providers);
    const connection = { ...full, id: `conn_${name}` };
    return () => providers.list(connection, { cursor: null }, {});
  });
}

/** Asks from many callers at once, again and again. @returns what ends that */
function press(ask: () => Promise<unknown>): () => Promise<void> {
  let isOver = false;
  const goOn = (): Promise<void> => (isOver ? Promise.resolve() : ask().then(goOn));
  const callers = Array.from({ length: CALLERS }, goOn);
  return async () => {
    isOver = true;
    await Promise.all(callers);
  };
}

test('three replicas keep to 1.1 times the limit of a minute, and few requests ask the database', async () => {
  const limit = 600;
  const times: number[] = [];
  provider.answer((...exchange) => {
    times.push(fast.now().getTime());
    healthy(...exchange);
  });
  const queries = databases.map((database) => jest.spyOn(database.pool, 'query'));
  const ends = replicas('rate', { requests: limit, perSeconds: 60, concurrency: 8 }).map(press);
  await waitFor('requests of more than a minute', () => times.length, {
    until: (count) => count > 1.5 * limit,
  });
  const statements = queries.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  expect(statements).toBeLessThan(times.length / 2);
  await Promise.all(ends.map((end) => end()));
  const most = Math.floor(1.1 * limit);
  const tooFast = times.filter((at, index) => (times[index + most] ?? Infinity) - at < 60_000);
  expect(tooFast).toEqual([]);
});

test('they share the requests under way at once, and what one does not use the others get', async () => {
  const concurrency = 8;
  let underWay = 0;
  let most = 0;
  provider.answer((...exchange) => {
    underWay += 1;
    most = Math.max(most, underWay);
    setTimeout(() => {
      underWay -= 1;
      healthy(...exchange);
    }, SLOW_MS);
  });
  const [one, ...others] = replicas('turns', { requests: 60_000, perSeconds: 60, concurrency });
  const ends = [one, ...others].map((ask) => press(ask ?? (() => Promise.reject())));
  await waitFor('all to have a part', () => underWay, { until: (now) => now === concurrency });
  // One that joins begins before the others leave it a part, and one that the machine holds up for
  // longer than its part is lent may be replaced meanwhile.
  let seen = 0;
  await waitFor(
    'a hundred requests in turn of which never more are under way than all may have',
    async () => {
      if (most > concurrency || seen === 0) {
        most = underWay;
        seen = provider.requests.length;
      }
      return { most, requests: provider.requests.length - seen };
    },
    { until: (now) => now.most === concurrency && now.requests > 100 },
  );
  const [endFirst, ...endOthers] = ends;
  await Promise.all(endOthers.map((end) => end()));
  await waitFor('one to have all', () => underWay, { until: (now) => now === concurrency });
  await endFirst?.();
});

test('a pause that the provider asks of one is kept by all', async () => {
  const times: number[] = [];
  provider.answer((...exchange) => {
    times.push(fast.now().getTime());
    if (times.length === 1) json(429, {}, { 'Retry-After': '30' })(...exchange);
    else healthy(...exchange);
  });
  const [one, other] = replicas('pause', { requests: 600, perSeconds: 60, concurrency: 8 });
  expect(await failureOf(one?.() ?? Promise.resolve())).toMatchObject({ code: 'rate_limited' });
  await waitFor('the pause to be shared', async () => {
    const paused = 'SELECT FROM provider_limits WHERE paused_until > 0';
    return (await databases[0]?.pool.query(paused))?.rowCount === 1;
  });
  await other?.();
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(30_000);
});
