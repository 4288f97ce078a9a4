import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Database, openDatabase } from '../../src/database/index.js';
import { withTransaction } from '../../src/database/transact.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 4 });
  await database.pool.query('CREATE TABLE counters (name text PRIMARY KEY, count int NOT NULL)');
  await database.pool.query(`INSERT INTO counters VALUES ('one', 0), ('other', 0)`);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

test('of two transactions that lock each other out both come about, each once', async () => {
  const holding = { one: withResolvers(), other: withResolvers() };
  const countBoth = (first: 'one' | 'other', second: 'one' | 'other') =>
    withTransaction(database.pool, async (client) => {
      await client.query('UPDATE counters SET count = count + 1 WHERE name = $1', [first]);
      holding[first].resolve();
      await holding[second].promise;
      await client.query('UPDATE counters SET count = count + 1 WHERE name = $1', [second]);
    });
  await Promise.all([countBoth('one', 'other'), countBoth('other', 'one')]);
  const { rows } = await database.pool.query('SELECT count FROM counters');
  expect(rows).toEqual([{ count: 2 }, { count: 2 }]);
});

function withResolvers() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
