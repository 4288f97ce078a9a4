import { ConnectionsRepository } from '../../src/connections/connections.repository.js';
import { ConnectionsService } from '../../src/connections/connections.service.js';
import { SealedCredentials } from '../../src/connections/sealed-credentials.js';
import { type Database, openDatabase } from '../../src/database/index.js';
import { createCursors } from '../../src/http/cursor.js';
import { createMetrics } from '../../src/http/metrics.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createSealer } from '../../src/lib/seal.js';
import { UNTRACED } from '../../src/lib/tracing.js';
import { createProfiles } from '../../src/profiles/index.js';
import { createProviders } from '../../src/providers/index.js';
import { createSweeps } from '../../src/sweeps/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { SECRET } from '../support/gateway.js';
import { afterAll, beforeAll, expect, jest, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';

const CONNECTIONS = 1_200;
const INTERVAL_SECONDS = 300;
const clock = manualClock('2026-01-01T00:00:00Z');

let testDatabase: TestDatabase;
let database: Database;
let replicas: readonly ReturnType<typeof createSweeps>[];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 8 });
  const sealer = createSealer(SECRET);
  const parts = { clock, logger: silentLogger, tracing: UNTRACED };
  const providers = createProviders(parts);
  const connections = new ConnectionsService({
    database,
    connections: new ConnectionsRepository(database),
    providers,
    sealed: new SealedCredentials(sealer),
    clock,
    sweepIntervalSeconds: INTERVAL_SECONDS,
  });
  const sweepsParts = {
    ...parts,
    holder: 'rollcall test',
    database,
    providers,
    connections,
    limits: {},
    wake: () => {},
  };
  const { settleProfiles } = createProfiles({
    database,
    providers,
    cursors: createCursors(sealer),
    clock,
  });
  const more = { settleProfiles, cursors: createCursors(sealer), metrics: createMetrics() };
  replicas = [1, 2].map(() => createSweeps({ ...sweepsParts, ...more }));
  await database.prisma.team.create({ data: { id: 'team_due', name: 'due' } });
  const now = clock.now();
  await database.prisma.connection.createMany({
    data: Array.from({ length: CONNECTIONS }, (_, number) => ({
      id: `conn_${number}`,
      teamId: 'team_due',
      provider: 'outfame',
      name: `outfame-${number}`,
      credentials: new Uint8Array(),
      sweepIntervalSeconds: INTERVAL_SECONDS,
      nextSweepAt: now,
    })),
  });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const schedule = () => Promise.all(replicas.map(({ service }) => service.scheduleDue()));
test('replicas queue one sweep of each connection that is due, many in one statement', async () => {
  const connect = jest.spyOn(database.pool, 'connect');
  await schedule();
  // A transaction takes a connection of the pool; a loop would take one for each that is due.
  expect(connect.mock.calls.length).toBeLessThan(CONNECTIONS / 50);
  connect.mockRestore();
  const sweeps = await database.prisma.sweep.groupBy({ by: ['connectionId'], _count: true });
  expect(sweeps.length).toBe(CONNECTIONS);
  expect(sweeps.every(({ _count }) => _count === 1)).toBe(true);
  const next = (await database.prisma.connection.findMany()).map(
    ({ nextSweepAt }) => (nextSweepAt.getTime() - clock.now().getTime()) / 1000,
  );
  expect(Math.min(...next)).toBeGreaterThanOrEqual(INTERVAL_SECONDS * 0.9);
  expect(Math.max(...next)).toBeLessThanOrEqual(INTERVAL_SECONDS * 1.1);
});

test('a connection whose sweep has not ended gets no second one when it is due again', async () => {
  clock.advance(INTERVAL_SECONDS * 2_000);
  await database.prisma.sweep.updateMany({
    where: { connectionId: 'conn_7' },
    data: { state: 'succeeded' },
  });
  await schedule();
  expect(await database.prisma.sweep.count()).toBe(CONNECTIONS + 1);
  expect(await database.prisma.sweep.count({ where: { connectionId: 'conn_7' } })).toBe(2);
});
