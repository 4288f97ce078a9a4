import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, migrate, openDatabase, startEmbedded } from '../src/database/index.js';
import { DEFAULT_TEAM_ID } from '../src/teams/teams.service.js';
import { changeHealth, importAccounts } from './health-load.js';

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const IMPORTED = 100_000;

/** Figures of health and events, on a database of their own. */
export async function run(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
  await migrate(embedded.connection, MIGRATIONS);
  const database = openDatabase({ connection: embedded.connection, poolSize: 8 });
  try {
    await prepare(database);
    await tell('first import with its events, rows', () => importAccounts(database, IMPORTED));
    await tell('health changes with history and events', () => changeHealth(database, IMPORTED));
  } finally {
    await database.close();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function prepare({ prisma }: Database): Promise<void> {
  await prisma.team.create({ data: { id: DEFAULT_TEAM_ID, name: 'default' } });
  const connection = { id: 'conn_bench', teamId: DEFAULT_TEAM_ID, provider: 'outfame', name: 'bench', sweepIntervalSeconds: 300 };
  await prisma.connection.create({ data: { ...connection, credentials: new Uint8Array(1) } });
}

async function tell(what: string, work: () => Promise<number>): Promise<void> {
  const started = performance.now();
  const count = await work();
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${what}: ${count} in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)}/s\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run();
