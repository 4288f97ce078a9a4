import pg from 'pg';
import { type Gateway, GENEROUS, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';
import { multiplyRows } from '../support/multiplied-rows.js';
import { idsOf } from '../support/pages.js';
import { type Statement, watchStatements } from '../support/plans.js';
import { waitFor } from '../support/wait.js';

/** Pages whose rows are sought among the next ones of their list, which are fewer than these. */
const ACCOUNTS = 600;
/** Of the accounts that stand behind those. */
const FAR_OFF = 20;

const WALKED = 'walked-version-page-updated_since-desc-first';
/** Milliseconds, more than a page is sought for without being noted as slow. */
const LONG_MS = 500;

// No query takes any time of it, however busy the machine is.
const clock = manualClock();
let gateway: Gateway;
let owner: pg.Client;
let statements: Statement[] = [];
let asked = 0;

beforeAll(async () => {
  gateway = await startGateway({ rateLimit: GENEROUS, clock });
  await gateway.connect('outfame');
  await gateway.settled();
  await gateway.halt();
  owner = new pg.Client(gateway.owner);
  await owner.connect();
  await owner.query('SET session_replication_role = replica');
  await multiplyRows(owner, 'accounts', ACCOUNTS, ['profile_id']);
  // Each copy has a connection of its own, which there is not.
  await owner.query(`UPDATE accounts SET connection_id = split_part(connection_id, '~', 1)`);
  await owner.query(
    `UPDATE accounts SET platform = 'far_off'
     WHERE id IN (SELECT id FROM accounts ORDER BY created_at, id LIMIT $1)`,
    [FAR_OFF],
  );
  watchStatements(gateway.database.pool, (statement) => {
    if (/FROM accounts/.test(statement.text)) statements.push(statement);
  });
  // Most of what is read must be known.
  await ask('limit=200');
  await ask('limit=200');
});
afterAll(async () => {
  await owner.end();
  await gateway.stop();
});

/** The ids of a page that was never asked for, and the names of the statements that it took. */
async function ask(query: string) {
  statements = [];
  const since = new Date(1e12 + asked++).toISOString();
  const filter = query.includes('platform') ? '' : `&updated_since=${since}`;
  const { body } = await gateway.root.get(`/v1/accounts?${query}${filter}`);
  const ids = (body.data as { id: string }[]).map(({ id }) => id);
  return { ids, names: statements.map(({ name }) => name) };
}

async function inOrder(condition: string, direction = 'DESC'): Promise<string[]> {
  const { rows } = await owner.query<{ id: string }>(
    `SELECT id FROM accounts WHERE ${condition} ORDER BY created_at ${direction}, id ${direction}`,
  );
  return rows.map(({ id }) => id);
}

test('a page whose rows come next takes one statement, with one plan for all values', async () => {
  const all = await inOrder(`status <> 'disconnected'`);
  for (const limit of Array.from({ length: 12 }, (_, turn) => 20 + turn)) {
    const { ids, names } = await ask(`limit=${limit}`);
    expect(ids).toEqual(all.slice(0, limit));
    expect(names).toEqual([WALKED]);
  }
  const { rows } = await gateway.database.pool.query<{ name: string; plans: number }>(
    `SELECT name, generic_plans::int AS plans FROM pg_prepared_statements WHERE name LIKE 'walked-%'`,
  );
  expect(rows.map(({ name }) => name)).toContain(WALKED);
  for (const { plans } of rows) expect(plans).toBeGreaterThan(0);
});

test('a page whose rows stand behind those is found as well, and is not sought there each time', async () => {
  const all = await inOrder(`platform = 'far_off' AND status <> 'disconnected'`);
  const taken: number[] = [];
  for (const limit of Array.from({ length: 8 }, (_, turn) => 5 + turn)) {
    const { ids, names } = await ask(`platform=far_off&limit=${limit}`);
    expect(ids).toEqual(all.slice(0, limit));
    taken.push(names.filter((name) => name?.startsWith('walked-')).length);
  }
  expect(taken).toEqual([1, ...taken.slice(1).map(() => 0)]);
});

test.each(['asc', 'desc'])('all pages %s show each account once', async (direction) => {
  const all = await inOrder(`status <> 'disconnected'`, direction);
  const address = `/v1/accounts?limit=50&order_direction=${direction}`;
  expect(await idsOf(gateway.root, address)).toEqual(all);
  expect(await idsOf(gateway.root, `${address}&updated_since=2001-01-01T00:00:00Z`)).toEqual(all);
});

test('a page that took long to be sought there is not sought there the next time', async () => {
  const [newest] = await inOrder(`status <> 'disconnected'`);
  // A query that takes long for any reason, such as a plan that reads all.
  await owner.query('BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE');
  const slow = ask('limit=1');
  await waitFor('the page to be sought', () => statements.length > 0);
  clock.advance(LONG_MS);
  await owner.query('ROLLBACK');
  expect(await slow).toEqual({ ids: [newest], names: [WALKED] });
  const { ids, names } = await ask('limit=1');
  expect(ids).toEqual([newest]);
  expect(names).not.toContain(WALKED);
});
