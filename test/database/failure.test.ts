import { join } from 'node:path';
import fc from 'fast-check';
import {
  type Database,
  failureCode,
  isExhausted,
  isPassing,
  openDatabase,
} from '../../src/database/index.js';
import { withTransaction } from '../../src/database/transact.js';
import { type Break, type BreakingRelay, startBreakingRelay } from '../support/breaking-relay.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';

let testDatabase: TestDatabase;
let relay: BreakingRelay;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const { host = '', port } = testDatabase.gateway;
  relay = await startBreakingRelay(
    host.startsWith('/') ? join(host, `.s.PGSQL.${port}`) : Number(port),
  );
});
afterAll(async () => {
  await relay.close();
  await testDatabase.drop();
});

const WORK = `SELECT 'work' AS work`;
/** All ways to ask the database. */
const WAYS: Record<string, (database: Database) => Promise<unknown>> = {
  'the pool': ({ pool }) => pool.query(WORK),
  'with a value': ({ pool }) => pool.query(`${WORK} WHERE 1 = $1`, [1]),
  'a model of Prisma': ({ prisma }) => prisma.team.findMany(),
  'SQL by Prisma': ({ prisma }) => prisma.$queryRawUnsafe(WORK),
  'a write by Prisma': ({ prisma }) => prisma.$executeRawUnsafe(WORK),
  'a batch of Prisma': ({ prisma }) =>
    prisma.$transaction([prisma.team.count(), prisma.team.count()]),
  'a transaction of a client': ({ pool }) => withTransaction(pool, (one) => one.query(WORK)),
  'a transaction, by SQL': ({ transaction }) => transaction(({ client }) => client.query(WORK)),
  'a transaction, by Prisma': ({ transaction }) => transaction(({ prisma }) => prisma.team.count()),
  'a question': ({ reachability }) => reachability.query(WORK, []),
};
/** What is sent on the way to an answer. */
const POINTS = {
  'the first message': /\0user\0/,
  'a session’s first statement': /pg_backend_pid/,
  'the begin': /^Q....BEGIN/s,
  'the work': /'work'|"public"\."teams"/,
  'the commit': /^Q....COMMIT/s,
};
type Kind = 'none' | 'passing' | 'exhausted' | 'fault';

async function kindOf(asked: Promise<unknown>): Promise<readonly [Kind, unknown?, unknown?]> {
  try {
    await asked;
    return ['none'];
  } catch (error) {
    if (isPassing(error)) return ['passing', failureCode(error), error];
    return [isExhausted(error) ? 'exhausted' : 'fault', error];
  }
}

/** Does the work with a database of one session, through the relay. */
async function withDatabase(work: (database: Database) => Promise<unknown>): Promise<void> {
  const connection = { ...testDatabase.gateway, host: '127.0.0.1', port: relay.port };
  const database = openDatabase({ connection, poolSize: 1 });
  try {
    await work(database);
  } finally {
    relay.breakAt();
    await database.close();
  }
}

async function failing(asked: () => Promise<unknown>, point: RegExp, how: Break) {
  relay.breakAt(point, how);
  const failed = await kindOf(asked());
  relay.breakAt();
  return failed;
}

const isWithin = (way: string) => /transaction|batch/.test(way);
const pointsOf = (way: string) =>
  Object.entries(POINTS).filter(([point]) => isWithin(way) || !/begin|commit/.test(point));

const fatal = (code: string): Break => ({ severity: 'FATAL', code });
/** 08P01 is said by poolers. Of a session that ends it does not matter why. */
const BREAKS = ['reset', 'end', 'noise', fatal('57P01'), fatal('08P01'), fatal('XX000')] as const;

test.each(Object.entries(WAYS))('a session that breaks anywhere: %s', (way, ask) =>
  withDatabase(async (database) => {
    for (const [point, pattern] of pointsOf(way))
      for (const how of BREAKS) {
        const failed = await failing(() => ask(database), pattern, how);
        expect([point, how, failed]).toEqual([
          point,
          how,
          ['passing', expect.any(String), expect.anything()],
        ]);
        // There is no session before these.
        if (/first/.test(point)) continue;
        expect([point, how, await kindOf(ask(database))]).toEqual([point, how, ['none']]);
      }
  }),
);

/** PostgreSQL's appendix A, of each class that a statement can end with. */
const CODES: Record<Exclude<Kind, 'none'>, readonly string[]> = {
  passing: [
    ...['08000', '08003', '08006', '08P01', '25006', '25P03', '25P04', '28000', '28P01', '3D000'],
    ...['40001', '40003', '40P01', '53300', '55000', '55006', '55P03', '57000', '57014', '57P01'],
    ...['57P02', '57P03', '57P04', '57P05', '58000', '58030', '72000', 'F0000'],
  ],
  exhausted: ['53000', '53100', '53200', '53400'],
  fault: [
    ...['0A000', '21000', '22001', '22012', '22P02', '23502', '23503', '23505', '23514', '25001'],
    ...['25P01', '25P02', '26000', '2BP01', '2D000', '34000', '3B001', '3F000', '42501', '42601'],
    ...['42703', '42P01', '42P05', '44000', '54000', 'P0001', 'HV000', 'XX000', 'XX001'],
  ],
};

test('an error that the server answers with tells by its class whether it passes, at each point in each way', () =>
  withDatabase(async (database) => {
    const points = Object.entries(WAYS).flatMap(([way, ask]) =>
      pointsOf(way)
        .filter(([point]) => !/first/.test(point))
        .map(([point, pattern]) => ({ way, ask, point, pattern })),
    );
    const codes = Object.entries(CODES).flatMap(([kind, all]) =>
      all.map((code) => ({ kind, code })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...points),
        fc.constantFrom(...codes),
        async ({ ask, pattern }, { kind, code }) => {
          const how = { severity: 'ERROR', code } as const;
          const [failed] = await failing(() => ask(database), pattern, how);
          expect([failed, await kindOf(ask(database))]).toEqual([kind, ['none']]);
        },
      ),
      { numRuns: 100 },
    );
  }));

test('nobody listens', async () => {
  const connection = { ...testDatabase.gateway, host: '127.0.0.1', port: 1 };
  const database = openDatabase({ connection, poolSize: 1 });
  for (const [way, ask] of Object.entries(WAYS))
    expect([way, await kindOf(ask(database))]).toEqual([
      way,
      ['passing', 'ECONNREFUSED', expect.anything()],
    ]);
  await database.close();
});
