import pg from 'pg';
import { requestUse } from '../../src/database/index.js';
import { apiDocument } from '../support/api-document.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { multiplyRows } from '../support/multiplied-rows.js';
import {
  faultsOf,
  type Plan,
  type Statement,
  tablesOf,
  watchStatements,
} from '../support/plans.js';

/**
 * How PostgreSQL reads each list, with each filter and in each order: by the document, so that a list
 * or a filter that is added tomorrow is held to it too.
 */

/** So many that reading them all is more work than finding a few. */
const ROWS = 5_000;
/** A page with the row behind it, and as much again for the planner's rounding. */
const MAX_SORTED = 2 * 201;
/** Counting reads all that is counted; `since` and `after` are places in a feed, as cursors are. */
const NO_FILTER = [
  'limit',
  'cursor',
  'since',
  'after',
  'include_total',
  'include',
  'order_by',
  'order_direction',
];

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: {
    readonly type?: string;
    readonly format?: string;
    readonly enum?: readonly string[];
    readonly items?: Parameter['schema'];
  };
}

/**
 * Tables with few rows however many accounts there are; the addresses of webhooks are sealed with their
 * ids besides, so that copies could not be shown.
 */
const SMALL: ReadonlySet<string> = new Set([
  'webhooks',
  'connections',
  'console_sessions',
  'provider_incidents',
  'account_counts',
]);
/** What each copied row has one of its own of: an account its profile, a step its disconnect. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  accounts: ['profile_id'],
  disconnect_steps: ['disconnect_id'],
};

/**
 * What may still be: the accounts with a label are found by its index, and all profiles are read for
 * theirs.
 */
const KNOWN: ReadonlySet<string> = new Set([
  '/v1/profiles?label[brand]=acme: a sequential scan of profiles',
]);

/** Of finding nothing; a list that is read to its end costs more at so many rows. */
const MAX_COST = 100;
/** What may cost more: few have it seldom, or many rows are expected and few are found. */
const COSTLY: ReadonlySet<string> = new Set([
  ...['q', 'profile_id', 'provider'].flatMap((name) => [
    `/v1/accounts?${name}`,
    `/v1/accounts/health?${name}`,
  ]),
  '/v1/disconnects?profile_id',
  '/v1/events?type',
  ...['platform', 'provider', 'state'].map((name) => `/v1/findings?${name}`),
  ...['match', 'platform', 'provider', 'q'].map((name) => `/v1/profiles?${name}`),
]);

let gateway: Gateway;
let client: Client;
let owner: pg.Client;
let statements: Statement[] = [];
const refused: string[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  client = gateway.root;
  owner = new pg.Client(gateway.owner);
  await owner.connect();
  watchStatements(gateway.database.pool, (statement) => {
    if (requestUse.getStore() !== undefined && /^\s*(SELECT|WITH)\b/.test(statement.text))
      statements.push(statement);
  });
  const connection = await gateway.connect('outfame');
  await gateway.connect('socialsyncer');
  await gateway.app.recurringJobs.runNamed('findings.examine');
  await client.post('/v1/teams', { name: 'another' });
  await client.post('/v1/webhooks', { url: 'http://127.0.0.1:9/', types: ['account.updated'] });
  const [webhook] = (await client.get('/v1/webhooks')).body.data;
  await client.post(`/v1/webhooks/${webhook.id}/test`);
  await client.post('/v1/views', { name: 'one', page: 'accounts', query: '' });
  await gateway.with(undefined).post('/console/session', { key: client.key });
  const accounts = (await client.get('/v1/accounts?limit=3')).body.data;
  const { id } = accounts[0];
  await client.patch(`/v1/accounts/${id}`, { labels: { brand: 'acme' } });
  await client.post('/v1/disconnects', { account_ids: [accounts[1].id] });
  await gateway.sweep(connection);
  await gateway.settled();
  await gateway.halt();
  await owner.query(`SET session_replication_role = replica`);
});
afterAll(async () => {
  await owner.end();
  await gateway.stop();
});

async function planOf({ text, values }: Statement): Promise<Plan> {
  const { rows } = await owner.query(`EXPLAIN (FORMAT JSON) ${text}`, [...values]);
  return rows[0]['QUERY PLAN'][0].Plan;
}

/** As it runs again and again under a name: whatever the values are. */
async function generalPlanOf({ text }: Statement): Promise<Plan> {
  const { rows } = await owner.query(`EXPLAIN (FORMAT JSON, GENERIC_PLAN) ${text}`);
  return rows[0]['QUERY PLAN'][0].Plan;
}

test('finds the rows of a page by an index, in its order', async () => {
  const addresses = await allAddresses();
  expect(addresses.length).toBeGreaterThan(100);
  const large = await largeTables();
  const faults: string[] = [];
  for (const address of addresses) {
    const plans: Plan[] = [];
    for (const statement of await asked(address)) {
      plans.push(await planOf(statement));
      if (statement.name !== undefined) plans.push(await generalPlanOf(statement));
    }
    for (const plan of plans)
      for (const fault of faultsOf(plan, (table) => large.has(table), MAX_SORTED))
        faults.push(`${address}: ${fault}`);
  }
  expect(refused).toEqual([]);
  expect(faults.filter((fault) => !KNOWN.has(fault))).toEqual([]);
});

test('finds what no row has by an index on it', async () => {
  const addresses = await rareAddresses();
  expect(addresses.length).toBeGreaterThan(20);
  await largeTables();
  const costly: string[] = [];
  for (const address of addresses)
    for (const statement of await asked(address))
      if ((await planOf(statement))['Total Cost'] > MAX_COST)
        costly.push(address.replace(/=.*/, ''));
  expect(costly.filter((filter) => !COSTLY.has(filter))).toEqual([]);
});

test('finds accounts with a label in the order of their creation, whatever stands between them', async () => {
  await largeTables();
  const [page] = await asked('/v1/accounts?label[brand]=acme');
  const plan = await planOf(page as Statement);
  expect(JSON.stringify(plan)).toContain('"accounts_labelled_order_idx"');
});

let filling: Promise<ReadonlySet<string>> | undefined;

/** The tables that have many rows, once they do. */
function largeTables(): Promise<ReadonlySet<string>> {
  filling ??= fillTables();
  return filling;
}

/** Which there are to fill is told by the lists themselves. */
async function fillTables(): Promise<ReadonlySet<string>> {
  const large = new Set<string>();
  for (const path of listPaths()) {
    const list = await addressOf(path);
    for (const statement of list === undefined ? [] : await asked(list))
      for (const table of tablesOf(await planOf(statement))) large.add(table);
  }
  for (const table of SMALL) large.delete(table);
  for (const table of large) {
    const rows = await multiplyRows(owner, table, ROWS, OWN[table]);
    if (rows < ROWS / 2) large.delete(table);
  }
  return large;
}

/**
 * What answering it asks of the database for the list; the key is looked up in any case, and a summary
 * counts all there is.
 */
async function asked(address: string): Promise<readonly Statement[]> {
  statements = [];
  const { status, text } = await client.get(address);
  if (status !== 200) refused.push(`${address} → ${status} ${text.slice(0, 300)}`);
  return statements.filter(
    ({ text: sql }) =>
      !/\bGROUP BY\b/.test(sql) && (!/api_keys/.test(sql) || address.includes('keys')),
  );
}

/** Each list plain, with each filter, and in each order and direction, there on its second page too. */
async function allAddresses(): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const path of listPaths()) {
    const parameters = parametersOf(path);
    const list = await addressOf(path);
    if (list === undefined) continue;
    const first = await client.get(`${list}?limit=1`);
    const [item] = first.body.data;
    const filters = parameters
      .filter((one) => one.in === 'query' && !NO_FILTER.includes(one.name))
      .flatMap((one) => queryOf(one, item ?? {}) ?? []);
    const orders = valuesOf(parameters, 'order_by').flatMap((order) =>
      valuesOf(parameters, 'order_direction').map(
        (direction) => `order_by=${order}&order_direction=${direction}`,
      ),
    );
    addresses.push(list, ...filters.map((filter) => `${list}?${filter}`));
    for (const order of orders) {
      addresses.push(`${list}?${order}`);
      const next = (await client.get(`${list}?limit=1&${order}`)).body.pagination.next_cursor;
      if (next) addresses.push(`${list}?${order}&cursor=${encodeURIComponent(next)}`);
    }
  }
  return addresses;
}

const listPaths = () =>
  gateway.app.routes
    .filter(({ method, endpoint }) => method === 'GET' && !endpoint.isPagedByProvider)
    .map(({ path }) => path)
    .filter((path) => parametersOf(path).some(({ name }) => name === 'limit'));

/** Each list with each filter of words, by one that it has no row for. */
async function rareAddresses(): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const path of listPaths()) {
    const list = await addressOf(path);
    if (list === undefined) continue;
    const filters = parametersOf(path).filter((one) => one.in === 'query');
    for (const { name, schema } of filters) {
      const { type, format, enum: words = ['nobody'] } = schema.items ?? schema;
      if (type !== 'string' || format !== undefined || NO_FILTER.includes(name)) continue;
      for (const word of words) {
        const { status, body } = await client.get(`${list}?${name}=${word}`);
        if (status !== 200 || body.data.length > 0) continue;
        addresses.push(`${list}?${name}=${word}`);
        break;
      }
    }
  }
  return addresses;
}

function parametersOf(path: string): readonly Parameter[] {
  const { paths } = apiDocument as unknown as {
    paths: Record<string, { get?: { parameters?: readonly Parameter[] } }>;
  };
  return paths[path]?.get?.parameters ?? [];
}

const valuesOf = (parameters: readonly Parameter[], name: string) =>
  parameters.find((one) => one.name === name)?.schema.enum ?? [];

/**
 * A filter with a value that a row shows; `undefined`: it shows none. For a value that no row has the
 * planner may well read them all, unless an index is on just that.
 */
function queryOf(
  { name, schema }: Parameter,
  item: Readonly<Record<string, unknown>>,
): string | undefined {
  if (schema.type === 'object') return `${name}[brand]=acme`;
  // No name has this part, and many have others as short.
  if (name === 'q') return 'q=zq';
  const { type, format } = schema.items ?? schema;
  const own = item[name];
  const value = () => {
    if (typeof own === 'string' || typeof own === 'number') return own;
    if (type === 'boolean') return 'true';
    if (format !== 'date-time') return undefined;
    return name.endsWith('until') ? '2100-01-01T00:00:00Z' : '2000-01-01T00:00:00Z';
  };
  const given = value();
  return given === undefined ? undefined : `${name}=${encodeURIComponent(given)}`;
}

/** With parameters of the path as a row of the list above has them. */
async function addressOf(path: string): Promise<string | undefined> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  if (names.length === 0) return path;
  const above = names.includes('platform') ? '/v1/accounts' : path.slice(0, path.indexOf('/{'));
  const { body } = await client.get(`${above}?limit=200`);
  const rows: Record<string, string>[] = body.data;
  const row = rows.find((one) => names.every((name) => one[name] != null));
  return (
    row && path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(row[name] ?? ''))
  );
}
