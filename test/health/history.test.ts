import fc from 'fast-check';
import { type Database, openDatabase } from '../../src/database/index.js';
import { HistoryRepository } from '../../src/health/history.repository.js';
import { HEALTH_STATUSES, type HealthStatus } from '../../src/model/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';

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

const DAY_MS = 86_400_000;
const DAYS = 6;
const start = Date.parse('2026-01-01T00:00:00Z');

/** A stretch in which one or more changes happened; a single change takes no time. */
interface Stretch {
  readonly from: string | null;
  readonly to: string;
  readonly first: number;
  readonly last: number;
  readonly changes: number;
  readonly worst: string;
  readonly within: Readonly<Record<string, number>>;
}

interface Change {
  readonly at: number;
  readonly to: HealthStatus;
}

const asStretches = (changes: readonly Change[]): Stretch[] =>
  changes.map(({ at, to }, index) => {
    return {
      from: changes[index - 1]?.to ?? 'healthy',
      to,
      first: at,
      last: at,
      changes: 1,
      worst: to,
      within: {},
    };
  });

/** How many milliseconds each status held between two times that no stretch crosses. */
function timeInEach(
  stretches: readonly Stretch[],
  begin: number,
  end: number,
): Record<string, number> {
  const times: Record<string, number> = { healthy: 0, warning: 0, unhealthy: 0, unknown: 0 };
  const add = (status: string, ms: number) => {
    times[status] = (times[status] ?? 0) + ms;
  };
  let [status, since] = ['healthy', begin];
  for (const stretch of stretches) {
    if (stretch.last < begin) status = stretch.to;
    if (stretch.last < begin || stretch.first >= end) continue;
    expect(stretch.from).toBe(status);
    add(status, stretch.first - since);
    for (const [within, ms] of Object.entries(stretch.within)) add(within, ms);
    [status, since] = [stretch.to, stretch.last];
  }
  add(status, end - since);
  return times;
}

/** What is held of an account, oldest first. */
async function heldOf(accountId: string): Promise<Stretch[]> {
  const days = await database.prisma.healthDay.findMany({ where: { accountId } });
  const changes = await database.prisma.healthTransition.findMany({ where: { accountId } });
  const stretches = [
    ...days.map((day) => ({
      ...{
        from: day.fromStatus,
        to: day.toStatus,
        first: day.firstAt.getTime(),
        last: day.lastAt.getTime(),
        changes: day.transitions,
      },
      ...{
        worst: day.worstStatus,
        within: {
          healthy: day.healthyMs,
          warning: day.warningMs,
          unhealthy: day.unhealthyMs,
          unknown: day.unknownMs,
        },
      },
    })),
    ...changes.map(({ fromStatus, toStatus, at }) => {
      return {
        from: fromStatus,
        to: toStatus,
        first: at.getTime(),
        last: at.getTime(),
        changes: 1,
        worst: toStatus,
        within: {},
      };
    }),
  ];
  return stretches.sort((one, other) => one.first - other.first);
}

async function write(accountId: string, changes: readonly Change[]): Promise<void> {
  const data = asStretches(changes).map(({ from, to, first }, index) => {
    const id = `hlt_${accountId}_${String(index).padStart(3, '0')}`;
    return {
      id,
      teamId: 'team_history',
      accountId,
      fromStatus: from,
      toStatus: to,
      at: new Date(first),
    };
  });
  await database.prisma.healthTransition.createMany({ data });
}

const history = fc.uniqueArray(
  fc.record({
    at: fc.integer({ min: start, max: start + DAYS * DAY_MS - 1 }),
    to: fc.constantFrom(...HEALTH_STATUSES),
  }),
  { selector: ({ at }) => at, maxLength: 30 },
);

test('the time in each status is the same from the summaries as from all changes, day by day', async () => {
  let run = 0;
  const property = fc.asyncProperty(
    fc.array(history, { minLength: 1, maxLength: 4 }),
    fc.nat(DAYS * DAY_MS),
    async (told, old) => {
      run++;
      const histories = told.map((changes) => [...changes].sort((one, other) => one.at - other.at));
      for (const [number, changes] of histories.entries())
        await write(`acct_${run}_${number}`, changes);
      const replicas = [new HistoryRepository(database, 7), new HistoryRepository(database, 7)];
      const horizon = new Date(start + Math.floor(old / DAY_MS) * DAY_MS);
      // Two replicas at once, and on until nothing is left, and once more.
      const left = () => database.prisma.healthTransition.count({ where: { at: { lt: horizon } } });
      for (let more = 1; more > 0; more = await left())
        await Promise.all(replicas.map((replica) => replica.compact(new Date(start + old))));
      await replicas[0]?.compact(new Date(start + old));

      for (const [number, changes] of histories.entries()) {
        const held = await heldOf(`acct_${run}_${number}`);
        const whole = asStretches(changes);
        expect(held.reduce((sum, stretch) => sum + stretch.changes, 0)).toBe(changes.length);
        for (let day = 0; day < DAYS; day++) {
          const [begin, end] = [start + day * DAY_MS, start + (day + 1) * DAY_MS];
          expect(timeInEach(held, begin, end)).toEqual(timeInEach(whole, begin, end));
          const within = (stretches: readonly Stretch[]) =>
            stretches
              .filter(({ first }) => first >= begin && first < end)
              .map(({ worst }) => worst);
          const gravest = (statuses: readonly string[]) =>
            ['unhealthy', 'warning', 'unknown', 'healthy'].find((status) =>
              statuses.includes(status),
            );
          expect(gravest(within(held))).toBe(gravest(within(whole)));
        }
        expect(timeInEach(held, start, start + DAYS * DAY_MS)).toEqual(
          timeInEach(whole, start, start + DAYS * DAY_MS),
        );
      }
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

test('the last change of a team is kept however old, as readers of its feed stand there, until another one follows', async () => {
  const teamId = 'team_quiet';
  await database.prisma.team.create({
    data: { id: teamId, name: 'quiet', createdAt: new Date(start) },
  });
  const change = (id: string, at: number) =>
    database.prisma.healthTransition.create({
      data: { id, teamId, accountId: 'acct_quiet', toStatus: 'warning', at: new Date(at) },
    });
  const kept = async () => {
    await new HistoryRepository(database).compact(new Date(start + DAYS * DAY_MS));
    return (await database.prisma.healthTransition.findMany({ where: { teamId } })).map(
      ({ id }) => id,
    );
  };
  await change('hlt_quiet_1', start);
  await change('hlt_quiet_2', start + DAY_MS);
  expect(await kept()).toEqual(['hlt_quiet_2']);
  await change('hlt_quiet_3', start + DAYS * DAY_MS);
  expect(await kept()).toEqual(['hlt_quiet_3']);
});

test('history of over thirteen months is forgotten, the rest stays', async () => {
  const repository = new HistoryRepository(database);
  await repository.delete(new Date(start + 2 * DAY_MS));
  expect(
    await database.prisma.healthDay.count({
      where: { lastAt: { lt: new Date(start + 2 * DAY_MS) } },
    }),
  ).toBe(0);
  expect(await database.prisma.healthDay.count()).toBeGreaterThan(0);
});
