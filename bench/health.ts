import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AccountFilter } from '../src/accounts/account-filter.js';
import { AccountsRepository } from '../src/accounts/accounts.repository.js';
import { type Database, migrate, openDatabase, startEmbedded } from '../src/database/index.js';
import type { Caller } from '../src/http/caller.js';
import { systemClock } from '../src/lib/clock.js';
import { createRegistry } from '../src/providers/index.js';
import { DEFAULT_TEAM_ID } from '../src/teams/teams.service.js';
import { median, report } from './figures.js';
import { changeHealth, importAccounts } from './health-load.js';

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const FEW = 1_000;
const IMPORTED = 100_000;
const MANY = 1_000_000;
const OWNER = { id: 'conn_bench', teamId: DEFAULT_TEAM_ID, provider: 'outfame' };
const FIRST = new Date('2026-01-01T00:00:00Z');
const SECOND = new Date('2026-01-01T00:05:00Z');
const THIRD = new Date('2026-01-01T00:10:00Z');
/** So long the driver, the planner and the caches are new to it. */
const WARM_UP = 50;
const TURNS = 200;
const CALLER: Caller = {
  teamId: DEFAULT_TEAM_ID,
  teamName: 'default',
  teamVersion: '0',
  requestId: 'req_bench',
  key: {
    id: 'key_bench',
    name: 'bench',
    scopes: ['read'],
    isRoot: false,
    expiresAt: null,
    providers: [],
    rateLimit: null,
  },
};

const FILTERS: Readonly<Record<string, AccountFilter>> = {
  'whole team': {},
  'one connection': { connection_id: [OWNER.id] },
};

/** Figures of health and events, on a database of their own. */
export async function health(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
  await migrate(embedded.connection, MIGRATIONS);
  const database = openDatabase({ connection: embedded.connection, poolSize: 8 });
  try {
    await prepare(database);
    await importAccounts(database, OWNER, FEW, FIRST);
    const few = await timeHealthList(database, FEW);
    report(
      'first import with its events',
      await rate(() => importAccounts(database, OWNER, IMPORTED, FIRST)),
      'rows/s',
    );
    const alone = await rate(() => changeHealth(database, OWNER, FEW, SECOND, 1));
    const together = await rate(() => changeHealth(database, OWNER, IMPORTED, THIRD));
    report('health changes with history and events', together, 'rows/s');
    report('the same one by one', alone, 'rows/s');
    report('together ÷ one by one', together / alone, '×');
    await multiply(database);
    const many = await timeHealthList(database, MANY);
    for (const what of Object.keys(FILTERS))
      report(
        `health list, ${what}: a million ÷ a thousand`,
        (many[what] ?? 0) / (few[what] ?? 0),
        '×',
      );
  } finally {
    await database.close();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function prepare({ prisma }: Database): Promise<void> {
  await prisma.team.create({ data: { id: DEFAULT_TEAM_ID, name: 'default' } });
  const connection = {
    id: 'conn_bench',
    teamId: DEFAULT_TEAM_ID,
    provider: 'outfame',
    name: 'bench',
    sweepIntervalSeconds: 300,
  };
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
       SELECT a.id || '~' || $1, a.provider_account_id || '~' || $1, ${columns} FROM accounts a WHERE a.id NOT LIKE '%~%'`,
      [String(copy)],
    );
  }
}

/**
 * How long the page and the summary take that `GET /v1/accounts/health` reads.
 * @returns the median of each filter in milliseconds
 */
async function timeHealthList(
  database: Database,
  accounts: number,
): Promise<Record<string, number>> {
  const repository = new AccountsRepository(database, createRegistry(), systemClock);
  await repository.mergeCounts();
  await database.pool.query('VACUUM ANALYZE accounts');
  const medians: Record<string, number> = {};
  for (const [what, filter] of Object.entries(FILTERS)) {
    const times: number[] = [];
    for (let turn = 0; turn < WARM_UP + TURNS; turn++) {
      const started = performance.now();
      const [, { total }] = await Promise.all([
        repository.healthPage({
          caller: CALLER,
          filter,
          order: 'created_at',
          direction: 'desc',
          page: { after: undefined, limit: 51 },
        }),
        repository.healthSummary(CALLER, filter),
      ]);
      if (total !== accounts) throw new Error(`there are ${total} accounts, not ${accounts}`);
      if (turn >= WARM_UP) times.push(performance.now() - started);
    }
    medians[what] = median(times);
    report(
      `health list at ${accounts.toLocaleString('en')} accounts, ${what}`,
      medians[what],
      'ms',
      `median of ${TURNS}`,
    );
  }
  return medians;
}

/** @returns how many a second */
async function rate(work: () => Promise<number>): Promise<number> {
  const started = performance.now();
  const count = await work();
  return count / ((performance.now() - started) / 1000);
}
