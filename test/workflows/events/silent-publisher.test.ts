import { type Database, openDatabase } from '../../../src/database/index.js';
import { createFeeds, recordEvents } from '../../../src/events/index.js';
import type { Caller } from '../../../src/http/caller.js';
import { systemClock } from '../../../src/lib/clock.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { afterAll, beforeAll, expect, jest, test } from '../../support/jest.js';

const TEAM = 'team_silent';
let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 4 });
  await database.prisma.team.create({ data: { id: TEAM, name: 'of silent sessions' } });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

test('readers go on while a run that publishes waits for a silent session, and the next run shows what was written', async () => {
  const { histories, publisher, feed } = createFeeds(database, systemClock);
  const caller = { teamId: TEAM, key: { providers: [] } } as unknown as Caller;
  const filter = { types: [], accountId: undefined };
  const read = () => feed.read(caller, filter, undefined, 10);
  await publisher.publish();
  const client = await database.pool.connect();
  const event = { type: 'gateway.resumed', accountId: null, data: {} } as const;
  await recordEvents(client, TEAM, [event], systemClock.now());
  client.release();

  // The database has taken the question, and its answer never comes.
  const asked = jest.spyOn(histories, 'state').mockReturnValueOnce(new Promise(() => {}));
  // One waits for that run, and the other for the one after it.
  const [, next] = await Promise.all([read(), read()]);
  expect(asked.mock.calls.length).toBeGreaterThan(1);
  expect(next).toHaveLength(1);
});
