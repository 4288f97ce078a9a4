import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AccountFilter } from '../src/accounts/account-filter.js';
import { AccountsRepository } from '../src/accounts/accounts.repository.js';
import { type Database, migrate, openDatabase, startEmbedded } from '../src/database/index.js';
import { createRegistry } from '../src/providers/index.js';
import type { Caller } from '../src/teams/caller.js';
import { DEFAULT_TEAM_ID } from '../src/teams/teams.service.js';
import { changeHealth, importAccounts } from './health-load.js';

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const IMPORTED = 100_000;
const MANY = 1_000_000;
const OWNER = { id: 'conn_bench', teamId: DEFAULT_TEAM_ID, provider: 'outfame' };
const FIRST = new Date('2026-01-01T00:00:00Z');
const SECOND = new Date('2026-01-01T00:05:00Z');
const CALLER: Caller = {
  teamId: DEFAULT_TEAM_ID,
  teamName: 'default',
  teamVersion: '0',
  requestId: 'req_bench',
  key: { id: 'key_bench', name: 'bench', scopes: ['read'], isRoot: false, expiresAt: null, providers: [], rateLimit: null },
};

/** Figures of health and events, on a database of their own. */
export async function health(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
  await migrate(embedded.connection, MIGRATIONS);
  const database = openDatabase({ connection: embedded.connection, poolSize: 8 });
  try {
    await prepare(database);
    await importAccounts(database, OWNER, 1_000, FIRST);
    await tellHealthList(database, 1_000);
    await tell('first import with its events, rows', () => importAccounts(database, OWNER, IMPORTED, FIRST));
    await tell('health changes with history and events', () => changeHealth(database, OWNER, IMPORTED, SECOND));
    await multiply(database);
    await tellHealthList(database, MANY);
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

/** Copies the accounts until there are a million: faster than to import them. */
async function multiply({ pool }: Database): Promise<void> {
  const { rows } = await pool.query<{ column_name: string }>(
    `SELECT column_name FROM information_schema.columns WHERE table_name = 'accounts' AND column_name NOT IN ('id', 'provider_account_id')`,
  );
  const columns = rows.map(({ column_name }) => column_name).join(', ');
  for (let copy = 1; copy < MANY / IMPORTED; copy++) {
    await pool.query(
      `INSERT INTO accounts (id, provider_account_id, ${columns})
       SELECT a.id || 'x' || $1, a.provider_account_id || 'x' || $1, ${columns} FROM accounts a WHERE a.id NOT LIKE '%x%' LIMIT ${IMPORTED}`,
      [String(copy)],
    );
  }
  await pool.query('VACUUM ANALYZE accounts');
}

/** The page and the summary that `GET /v1/accounts/health` reads, for the whole team and for one connection. */
async function tellHealthList(database: Database, accounts: number): Promise<void> {
  const repository = new AccountsRepository(database, createRegistry());
  await repository.mergeCounts();
  const filters: Readonly<Record<string, AccountFilter>> = { 'whole team': {}, 'one connection': { connection_id: [OWNER.id] } };
  for (const [what, filter] of Object.entries(filters)) {
    const times: number[] = [];
    for (let turn = 0; turn < 100; turn++) {
      const started = performance.now();
      await Promise.all([
        repository.healthPage(CALLER, filter, 'created_at', 'desc', { after: undefined, limit: 51 }),
        repository.healthSummary(CALLER, filter),
      ]);
      times.push(performance.now() - started);
    }
    const p50 = times.sort((left, right) => left - right)[50] ?? 0;
    process.stdout.write(`health list at ${accounts} accounts, ${what}: p50 ${p50.toFixed(1)} ms\n`);
  }
}

async function tell(what: string, work: () => Promise<number>): Promise<void> {
  const started = performance.now();
  const count = await work();
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${what}: ${count} in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)}/s\n`);
}
