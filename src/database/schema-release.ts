import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { StartError } from '../lib/start-error.js';

/** A release that changed the schema, as `releases.json` beside the migrations lists it. */
interface SchemaRelease {
  /** As in the changelog. */
  readonly version: string;
  /** The name of the newest migration that it came with. */
  readonly lastMigration: string;
}

/** Releases change the schema so that the one before runs on it, too; the one before that may not. */
const RELEASES_AHEAD = 1;

/**
 * The number of the schema that these migrations lead to: it counts the releases that changed it.
 * Migrations after the newest listed release belong to the next one.
 *
 * @param migrations their names, oldest first
 */
export async function schemaNumber(folder: string, migrations: readonly string[]): Promise<number> {
  const releases = await readReleases(folder);
  const newest = migrations.at(-1) ?? '';
  const index = releases.findIndex(({ lastMigration }) => lastMigration >= newest);
  return index === -1 ? releases.length + 1 : index + 1;
}

/** Empty for a folder that lists none. */
async function readReleases(folder: string): Promise<readonly SchemaRelease[]> {
  const text = await readFile(join(folder, 'releases.json'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    },
  );
  return JSON.parse(text);
}

/**
 * Makes sure that this release runs on the schema that the database has.
 *
 * @param own see `schemaNumber`
 * @throws StartError when a release that is two or more ahead has migrated it
 */
export async function requireKnownSchema(client: pg.Client, own: number): Promise<void> {
  if (!(await isRecorded(client))) return;
  const { rows } = await client.query<{ newest: number | null }>(
    'SELECT max(number) AS newest FROM schema_releases',
  );
  const newest = rows[0]?.newest ?? 0;
  if (newest > own + RELEASES_AHEAD)
    throw new StartError(
      `The database has schema ${newest}, and this release runs on schemas ${own} and ${own + RELEASES_AHEAD}: start a newer release, or restore a backup that is older.`,
    );
}

/** Notes that a release with this schema has migrated the database. */
export async function recordSchema(client: pg.Client, own: number): Promise<void> {
  if (await isRecorded(client))
    await client.query(
      'INSERT INTO schema_releases (number) VALUES ($1) ON CONFLICT (number) DO NOTHING',
      [own],
    );
}

/** Whether the database is new enough to have a record of this. */
async function isRecorded(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('schema_releases') IS NOT NULL AS exists`,
  );
  return rows[0]?.exists ?? false;
}
