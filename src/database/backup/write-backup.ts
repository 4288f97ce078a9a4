import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { DatabaseConnection } from '../hosts.js';
import { type Frame, writeFrames } from './backup-file.js';
import { migrationsOf, partitionsOf, sequencesOf, tablesOf } from './catalog.js';
import { withBackupSession } from './session.js';

/** What a backup holds. */
export interface BackupReport {
  readonly tables: number;
  readonly rows: number;
}

/**
 * Writes all that gateways keep in the database to a file, as it is at one moment, while they run.
 * Sequences are read after that moment, so they are at or behind it.
 *
 * @param createdAt noted in the file
 * @throws StartError when the file cannot be written
 */
export function writeBackup(
  connection: DatabaseConnection,
  path: string,
  createdAt: Date,
): Promise<BackupReport> {
  return withBackupSession(
    connection,
    'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
    async (client) => {
      const report = { tables: 0, rows: 0 };
      await writeFrames(path, framesOf(client, createdAt, report));
      return report;
    },
  );
}

async function* framesOf(
  client: pg.Client,
  createdAt: Date,
  report: { tables: number; rows: number },
): AsyncGenerator<Frame> {
  const tables = await tablesOf(client);
  const { rows: secrets } = await client.query<{ id: string; canary: string }>(
    `SELECT id, encode(canary, 'base64') AS canary FROM secret_keys WHERE canary IS NOT NULL`,
  );
  yield {
    kind: 'header',
    format: 'rollcall backup 1',
    created_at: createdAt.toISOString(),
    migrations: [...(await migrationsOf(client))],
    secrets,
    partitions: await partitionsOf(client),
  };
  for (const { table, columns } of tables) {
    yield { kind: 'table', table, columns: [...columns] };
    const list = columns.join(', ');
    const stream = client.query(copyTo(`COPY (SELECT ${list} FROM ${table}) TO STDOUT`));
    for await (const bytes of stream) yield { kind: 'rows', bytes };
    report.tables += 1;
    report.rows += stream.rowCount;
  }
  yield { kind: 'end', rows: report.rows, sequences: await sequencesOf(client) };
}
