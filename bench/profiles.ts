import { type Database, openDatabase, startEmbedded } from '../src/database/index.js';
import { waitFor } from '../test/support/wait.js';
import { median, report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

/** Accounts of the team, one size after another. */
const SIZES = [1_000, 100_000, 1_000_000];
const PROVIDERS = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'];
const BATCH = 20_000;
const REQUESTS = 300;
/** Milliseconds in which all accounts that were written get their profiles. */
const MAX_SETTLE_MS = 1_800_000;

/**
 * Lists of profiles and single ones at three sizes, each beside the smallest; and how fast accounts
 * that others wrote get their profiles. Every other account shares a handle with the one before.
 */
export async function profiles(dataDir: string, port: number): Promise<void> {
  const folder = `${dataDir}-profiles`;
  const embedded = await startEmbedded({ dataDir: folder, onProgress: () => undefined });
  const gateway = await startGatewayProcess(port, { DATA_DIR: folder, SANDBOX: 'false' });
  const database = openDatabase({ connection: embedded.connection, poolSize: 2 });
  try {
    const first = { list: 0, one: 0 };
    let filled = 0;
    for (const size of SIZES) {
      const started = performance.now();
      await fill(database, filled, size);
      await waitFor('all accounts to get their profiles', () => isSettled(database), {
        ms: MAX_SETTLE_MS,
        everyMs: 200,
      });
      const perSecond = ((size - filled) / (performance.now() - started)) * 1000;
      filled = size;
      // What a million new rows leave to do is not the lists' work.
      await database.pool.query('VACUUM ANALYZE accounts, profiles');
      await database.pool.query('CHECKPOINT');
      const list = await listMs(gateway, size);
      const one = await oneMs(gateway, database);
      if (first.list === 0) Object.assign(first, { list, one });
      const at = `at ${size.toLocaleString('en')} accounts`;
      report(`profiles decided ${at}`, perSecond, 'accounts/s', 'writing the accounts included');
      report(`GET /v1/profiles?limit=50 ${at}`, list, 'ms', `median, no two alike`);
      report(`GET /v1/profiles/{id} ${at}`, one, 'ms', 'median');
      report(`list ÷ at ${SIZES[0]} accounts`, list / first.list, '×');
      report(`one ÷ at ${SIZES[0]} accounts`, one / first.one, '×');
    }
  } finally {
    await database.close();
    await gateway.stop();
    await embedded.stop();
  }
}

/** Writes accounts as a sweep would, without deciding on their profiles. */
async function fill({ pool }: Database, from: number, to: number): Promise<void> {
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM teams LIMIT 1');
  const team = rows[0]?.id;
  for (const provider of PROVIDERS)
    await pool.query(
      `INSERT INTO connections (id, team_id, provider, name, credentials, sweep_interval_seconds,
         next_sweep_at, next_aging_at)
       VALUES ('conn_' || $2, $1, $2, $2, '', 86400, '2100-01-01', '2100-01-01') ON CONFLICT DO NOTHING`,
      [team, provider],
    );
  for (let start = from; start < to; start += BATCH)
    await pool.query(
      `INSERT INTO accounts (id, profile_id, team_id, connection_id, provider, provider_account_id,
         platform, username, username_key, display_name, status, health_status, health_since,
         checked_at, followers, metrics_as_of, remote_data, created_at, updated_at)
       SELECT 'acct_' || lpad(n::text, 26, '0'), 'prof_' || lpad(n::text, 26, '0'), $1, 'conn_' || p,
         p, 'id' || n, 'instagram', 'person' || n / 2, 'person' || n / 2, 'Person ' || n / 2, 'active',
         'healthy', now(), now(), n % 90001, now(), '{}', now() - interval '400 days' + n * interval '1 s',
         now() - interval '400 days' + n * interval '1 s'
       FROM (SELECT n, ($4::text[])[n % 4 + 1] AS p FROM generate_series($2::int, $3::int) AS n) AS a`,
      [team, start, Math.min(start + BATCH, to) - 1, PROVIDERS],
    );
}

async function isSettled({ pool }: Database): Promise<boolean> {
  const { rows } = await pool.query('SELECT FROM profile_touches LIMIT 1');
  return rows.length === 0;
}

/** @returns milliseconds, of requests that no cache can answer */
function listMs(gateway: GatewayProcess, size: number): Promise<number> {
  return medianMs((number) => {
    const since = new Date(Date.UTC(2000, 0, 1) + number + size).toISOString();
    return gateway.get(`/v1/profiles?limit=50&updated_since=${since}`, headersOf(gateway));
  });
}

async function oneMs(gateway: GatewayProcess, { pool }: Database): Promise<number> {
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM profiles ORDER BY md5(id) LIMIT $1',
    [REQUESTS],
  );
  return medianMs((number) =>
    gateway.get(`/v1/profiles/${rows[number % rows.length]?.id}`, headersOf(gateway)),
  );
}

/** The bench's own key, which has no quota. */
const headersOf = ({ key }: GatewayProcess) => ({ Authorization: `Bearer ${key}` });

async function medianMs(
  ask: (number: number) => Promise<{ readonly status: number }>,
): Promise<number> {
  const times: number[] = [];
  for (let number = 0; number < REQUESTS; number++) {
    const started = performance.now();
    const { status } = await ask(number);
    if (status !== 200) throw new Error(`answered ${status}`);
    times.push(performance.now() - started);
  }
  return median(times);
}
