import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { StartError } from '../../lib/start-error.js';
import type { DatabaseConnection } from '../hosts.js';
import { migrate, migrationsIn } from '../migrate.js';
import { markForDoubt } from './after-restore.js';
import { type BackupEnd, type BackupHeader, type Frame, readFrames } from './backup-file.js';
import { guardsOf, migrationsOf, partitionsOf, tablesOf } from './catalog.js';
import { withBackupSession } from './session.js';
import type { BackupReport } from './write-backup.js';

/** What a file says of itself. @throws StartError when it is no backup */
export async function readHeader(path: string): Promise<BackupHeader> {
  for await (const frame of readFrames(path)) {
    if (frame.kind === 'header') return frame;
    break;
  }
  throw new StartError(`${path} is not a backup of Rollcall, or is damaged (no header).`);
}

/**
 * Brings an empty database to the schema that the backup has, loads its rows, and marks what may
 * have been done since: all or nothing, but for the schema.
 *
 * @param owner who owns the tables
 * @param folder of the migrations
 * @throws StartError when the database is not empty, or the backup is of a newer release
 */
export async function restoreBackup(
  owner: DatabaseConnection,
  folder: string,
  path: string,
  now: Date,
): Promise<BackupReport> {
  const { migrations } = await readHeader(path);
  const known = await migrationsIn(folder);
  const unknown = migrations.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new StartError(
      `The backup was made by a newer release than this one: it has the migration ${unknown}. Restore it with that release.`,
    );
  await withBackupSession(owner, 'BEGIN READ ONLY', (client) => requireEmpty(client, migrations));
  await migrate(owner, folder, migrations);
  return withBackupSession(owner, 'BEGIN', (client) => load(client, path, now));
}

async function requireEmpty(client: pg.Client, migrations: readonly string[]): Promise<void> {
  const tables = await tablesOf(client);
  if (tables.length === 0) return;
  const applied = await migrationsOf(client);
  const isAhead = applied.some((name) => !migrations.includes(name));
  if (applied.length === 0 || isAhead || !(await isUnused(client)))
    throw new StartError(
      'The database is not empty: a backup is restored into a new one, before a gateway or a migration runs on it.',
    );
}

/** Migrated by a restore that was cut off; the first start of a gateway makes a team. */
async function isUnused(client: pg.Client): Promise<boolean> {
  const { rows: found } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('teams') IS NOT NULL AS exists`,
  );
  if (!found[0]?.exists) return true;
  const { rows } = await client.query('SELECT 1 FROM teams LIMIT 1');
  return rows.length === 0;
}

async function load(client: pg.Client, path: string, now: Date): Promise<BackupReport> {
  const tables = (await tablesOf(client)).map(({ table }) => table);
  await client.query(`LOCK TABLE ${tables.join(', ')}`);
  if (!(await isUnused(client))) throw new StartError('The database is no longer empty.');
  const guards = await guardsOf(client);
  for (const statement of guards.down) await client.query(statement);
  // Migrations may have made rows of their own.
  await client.query(`TRUNCATE ${tables.join(', ')}`);
  const frames = readFrames(path);
  const report = { tables: 0, rows: 0 };
  let end: BackupEnd | undefined;
  let next = await frames.next();
  async function* rowsOfTable(): AsyncGenerator<Buffer> {
    while (!next.done && next.value.kind === 'rows') {
      yield next.value.bytes;
      next = await frames.next();
    }
  }
  while (!next.done) {
    const frame: Frame = next.value;
    next = await frames.next();
    if (frame.kind === 'header') await addPartitions(client, frame);
    if (frame.kind === 'end') end = frame;
    if (frame.kind !== 'table') continue;
    const list = frame.columns.join(', ');
    const stream = client.query(copyFrom(`COPY ${frame.table} (${list}) FROM STDIN`));
    await pipeline(Readable.from(rowsOfTable(), { objectMode: false }), stream);
    report.tables += 1;
    report.rows += stream.rowCount;
  }
  if (end?.rows !== report.rows) throw new StartError(`${path} is damaged: rows are missing.`);
  for (const { sequence, last, isCalled } of end.sequences)
    await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [sequence, last, isCalled]);
  for (const statement of guards.up) await client.query(statement);
  await markForDoubt(client, now);
  return report;
}

/** Those that were made after the migrations. */
async function addPartitions(client: pg.Client, { partitions }: BackupHeader): Promise<void> {
  const there = new Set((await partitionsOf(client)).map(({ table }) => table));
  for (const { table, parent, bound } of partitions)
    if (!there.has(table))
      await client.query(`CREATE TABLE ${table} PARTITION OF ${parent} ${bound}`);
}
