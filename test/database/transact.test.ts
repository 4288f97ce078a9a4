import { type Database, openDatabase } from '../../src/database/index.js';
import { withTransaction } from '../../src/database/transact.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 4 });
  await database.pool.query('CREATE TABLE counters (name text PRIMARY KEY, count int NOT NULL)');
  await database.pool.query(`INSERT INTO counters VALUES ('one', 0), ('other', 0)`);
  await database.pool.query(
    `INSERT INTO teams (id, name, created_at) SELECT name, name, now() FROM counters`,
  );
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const COUNT = 'UPDATE counters SET count = count + 1 WHERE name = $1';
type Count = (name: 'one' | 'other') => Promise<unknown>;

/** The ways to run a transaction, each with its way to count within it. */
const ways: Record<string, (work: (count: Count) => Promise<void>) => Promise<void>> = {
  'on a client of the pool': (work) =>
    withTransaction(database.pool, (client) => work((name) => client.query(COUNT, [name]))),
  'shared, by SQL': (work) =>
    database.transaction(({ client }) => work((name) => client.query(COUNT, [name]))),
  'shared, with Prisma as the one that waits': (work) =>
    database.transaction(({ prisma, client }) =>
      work(async (name) => {
        await prisma.team.update({ where: { id: name }, data: { name } });
        await client.query(COUNT, [name]);
      }),
    ),
};

test.each(Object.entries(ways))(
  'of two transactions that lock each other out both come about, each once: %s',
  async (_way, run) => {
    await database.pool.query('UPDATE counters SET count = 0');
    const holding = { one: withResolvers(), other: withResolvers() };
    const countBoth = (first: 'one' | 'other', second: 'one' | 'other') =>
      run(async (count) => {
        await count(first);
        holding[first].resolve();
        await holding[second].promise;
        await count(second);
      });
    await Promise.all([countBoth('one', 'other'), countBoth('other', 'one')]);
    const { rows } = await database.pool.query('SELECT count FROM counters');
    expect(rows).toEqual([{ count: 2 }, { count: 2 }]);
  },
);

test('Prisma and SQL by hand share a transaction: each sees what the other wrote, and both go back together', async () => {
  const createdAt = new Date();
  const run = database.transaction(async ({ prisma, client }) => {
    await prisma.team.create({ data: { id: 'team_shared', name: 'shared', createdAt } });
    expect(
      (await client.query(`UPDATE teams SET name = 'renamed' WHERE id = 'team_shared'`)).rowCount,
    ).toBe(1);
    expect(await prisma.team.findUnique({ where: { id: 'team_shared' } })).toMatchObject({
      name: 'renamed',
    });
    expect(await database.prisma.team.findUnique({ where: { id: 'team_shared' } })).toBeNull();
    throw new Error('back');
  });
  await expect(run).rejects.toThrow('back');
  expect(await database.prisma.team.findUnique({ where: { id: 'team_shared' } })).toBeNull();
});

test('a session that is ended between two queries fails its transaction and nothing else', async () => {
  const run = withTransaction(database.pool, async (client) => {
    const { rows } = await client.query('SELECT pg_backend_pid() AS id');
    const ended = withResolvers();
    client.once('end', ended.resolve);
    await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0].id]);
    await ended.promise;
    await client.query('SELECT 1');
  });
  await expect(run).rejects.toThrow();
  expect((await database.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

function withResolvers() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
