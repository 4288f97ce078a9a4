import pg from 'pg';
import type { DatabaseConnection } from '../src/database/index.js';

const BATCH = 500;
const COPY = 'bulk_anchors';

/** The tables that a first import fills. */
const TABLES = [
  'accounts',
  'profiles',
  'profile_history',
  'events',
  'metric_samples_hourly',
  'metric_samples_daily',
];

/** Accounts a second. */
interface BulkRates {
  readonly insert: number;
  readonly copy: number;
  readonly noOpUpsert: number;
}

/**
 * How fast the database itself takes what an import has left: the same rows once more into the same
 * tables, with their indexes and triggers, in a copy of the database that nobody else works on. One
 * transaction for each 500 accounts with all that belongs to them.
 * @param connection of a superuser; nobody else may be connected
 */
export async function bulkRates(connection: DatabaseConnection): Promise<BulkRates> {
  const { host, port, user, password } = connection;
  const server = new pg.Client({ host, port, user, password, database: 'postgres' });
  await server.connect();
  await server.query(`CREATE DATABASE ${COPY} TEMPLATE ${connection.database}`);
  const client = new pg.Client({ host, port, user, password, database: COPY });
  await client.connect();
  try {
    const accounts = await count(client, 'accounts');
    const rate = (ms: number) => (1000 * accounts) / ms;
    const batches = await readBatches(client, accounts);
    const files = await writeFiles(client);
    await empty(client);
    const insert = rate(await insertAll(client, batches));
    const noOpUpsert = rate(await upsertUnchanged(client, batches));
    await empty(client);
    return { insert, noOpUpsert, copy: rate(await copyAll(client, files)) };
  } finally {
    await client.end();
    await server.query(`DROP DATABASE ${COPY}`);
    await server.end();
  }
}

/** By table a JSON array of rows. */
type Batch = ReadonlyMap<string, string>;

/** As many batches as the accounts make, each with as large a part of every other table. */
async function readBatches(client: pg.Client, accounts: number): Promise<readonly Batch[]> {
  const batches = Array.from(
    { length: Math.ceil(accounts / BATCH) },
    () => new Map<string, string>(),
  );
  await client.query('BEGIN');
  for (const table of TABLES) {
    const size = Math.ceil((await count(client, table)) / batches.length);
    await client.query(
      `DECLARE ${table}_rows CURSOR FOR SELECT to_json(t)::text AS row FROM ${table} t`,
    );
    for (const batch of batches) {
      const { rows } = await client.query<{ row: string }>(`FETCH ${size} FROM ${table}_rows`);
      batch.set(table, `[${rows.map(({ row }) => row).join()}]`);
    }
  }
  await client.query('COMMIT');
  return batches;
}

/** @returns milliseconds */
async function insertAll(client: pg.Client, batches: readonly Batch[]): Promise<number> {
  const started = performance.now();
  for (const batch of batches) {
    await client.query('BEGIN');
    for (const [table, rows] of batch)
      await client.query(
        `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`,
        [rows],
      );
    await client.query('COMMIT');
  }
  return performance.now() - started;
}

/** @returns milliseconds */
async function upsertUnchanged(client: pg.Client, batches: readonly Batch[]): Promise<number> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = 'accounts'::regclass AND attnum > 0 AND NOT attisdropped`,
  );
  const columns = rows.map(({ name }) => name);
  const started = performance.now();
  for (const batch of batches)
    await client.query(
      `INSERT INTO accounts AS a SELECT * FROM json_populate_recordset(NULL::accounts, $1)
       ON CONFLICT (connection_id, provider_account_id) DO UPDATE
       SET ${columns.map((column) => `${column} = EXCLUDED.${column}`).join(', ')}
       WHERE (${columns.map((column) => `a.${column}`).join(', ')})
         IS DISTINCT FROM (${columns.map((column) => `EXCLUDED.${column}`).join(', ')})`,
      [batch.get('accounts')],
    );
  return performance.now() - started;
}

/** @returns the server's files, by table */
async function writeFiles(client: pg.Client): Promise<Batch> {
  const { rows } = await client.query<{ folder: string }>('SHOW data_directory');
  const files = new Map<string, string>();
  for (const table of TABLES) {
    const file = `${Object.values(rows[0] ?? {})[0]}/${COPY}_${table}`;
    await client.query(`COPY (SELECT * FROM ${table}) TO '${file}' (FORMAT binary)`);
    files.set(table, file);
  }
  return files;
}

/** @returns milliseconds */
async function copyAll(client: pg.Client, files: Batch): Promise<number> {
  const started = performance.now();
  for (const [table, file] of files)
    await client.query(`COPY ${table} FROM '${file}' (FORMAT binary)`);
  return performance.now() - started;
}

async function empty(client: pg.Client): Promise<void> {
  await client.query(`TRUNCATE ${TABLES.join(', ')}, profile_touches, account_counts CASCADE`);
}

async function count(client: pg.Client, table: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(`SELECT count(*)::int FROM ${table}`);
  return rows[0]?.count ?? 0;
}
