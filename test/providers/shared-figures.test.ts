import { type Database, openDatabase } from '../../src/database/index.js';
import { SharedFigures } from '../../src/providers/shared-figures.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, beforeAll, expect, jest, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 4 });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const clock = manualClock();
const replica = () => new SharedFigures(database, clock);
const note = (
  figures: SharedFigures,
  times: number,
  outcome: 'ok' | 'not_found' | 'timeout',
  latencyMs: number,
) => {
  for (let attempt = 0; attempt < times; attempt++)
    figures.note({ site: 'outfame', outcome, latencyMs });
};
const rates = (figures: SharedFigures) =>
  (['5m', '24h'] as const).map((span) => figures.read(['outfame'], span).successRate);

test('figures are those of all replicas, outlive a restart, and leave each span in time', async () => {
  const [one, other] = [replica(), replica()];
  note(one, 90, 'ok', 100);
  note(one, 5, 'not_found', 100);
  note(other, 5, 'timeout', 8_000);
  expect([rates(one), rates(other)]).toEqual([
    [100, 100],
    [0, 0],
  ]);
  await Promise.all([one.share(), other.share()]);
  await Promise.all([one.share(), other.share()]);
  note(one, 100, 'ok', 100);
  expect([rates(one), rates(other)]).toEqual([
    [97.5, 97.5],
    [95, 95],
  ]);
  expect(other.read(['outfame'], '24h').latencyMs).toEqual({ p50: 99, p95: 99, p99: 7_512 });
  expect(other.read(['octopost'], '24h').successRate).toBeNull();

  await one.share();
  const restarted = replica();
  await restarted.share();
  expect(rates(restarted)).toEqual([97.5, 97.5]);

  clock.advance(306_000);
  await restarted.share();
  expect(rates(restarted)).toEqual([null, 97.5]);
  clock.advance(25 * 3_600_000);
  await restarted.share();
  expect(rates(restarted)).toEqual([null, null]);
  expect(await database.prisma.providerCallCount.count()).toBe(0);
});

test('what could not be told is known here all along, and told the next time', async () => {
  const figures = replica();
  note(figures, 3, 'ok', 20);
  jest
    .spyOn(database.pool, 'query')
    .mockImplementationOnce(() => Promise.reject(new Error('the database is away')));
  await expect(figures.share()).rejects.toThrow('away');
  expect(rates(figures)).toEqual([100, 100]);
  const other = replica();
  await figures.share();
  await other.share();
  expect([rates(figures), rates(other)]).toEqual([
    [100, 100],
    [100, 100],
  ]);
});
