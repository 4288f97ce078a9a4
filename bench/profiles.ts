import { type Database, openDatabase, startEmbedded } from '../src/database/index.js';
import { waitFor } from '../test/support/wait.js';
import { median, report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

/** Accounts of the team, one size after another. */
const SIZES = [1_000, 100_000, 1_000_000];
/** What each size is beside, asked in turn with it. */
const FEW = 1_000;
/** Accounts in the middle of the largest size that have a label. */
const LABELLED = [400_000, 419_999];
const PROVIDERS = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'];
const BATCH = 20_000;
const REQUESTS = 300;
/** Of each list with a filter. */
const FILTERED_REQUESTS = 30;
/** Milliseconds in which all accounts that were written get their profiles. */
const MAX_SETTLE_MS = 1_800_000;

/** A gateway with its database. */
interface Holder {
  readonly gateway: GatewayProcess;
  readonly database: Database;
  stop(): Promise<void>;
}

type Ask = (holder: Holder, number: number) => Promise<{ readonly status: number }>;

/**
 * Lists of profiles and single ones at three sizes, in turn with those of another gateway that has
 * few accounts; how fast accounts that others wrote get their profiles; and lists of accounts with
 * filters that many or few match. Every other account shares a handle with the one before.
 */
export async function profiles(dataDir: string, port: number): Promise<void> {
  const few = await hold(`${dataDir}-few-profiles`, port + 1);
  const many = await hold(`${dataDir}-profiles`, port);
  try {
    await settle(few.database, 0, FEW);
    let filled = 0;
    for (const size of SIZES) {
      const started = performance.now();
      await settle(many.database, filled, size);
      const perSecond = ((size - filled) / (performance.now() - started)) * 1000;
      filled = size;
      const at = `at ${size.toLocaleString('en')} accounts`;
      report(`profiles decided ${at}`, perSecond, 'accounts/s', 'writing the accounts included');
      const lists = await inTurn([few, many], list, REQUESTS);
      const ones = await inTurn([few, many], await oneOf(few, many), REQUESTS);
      reportBoth(`GET /v1/profiles?limit=50 ${at}`, lists);
      reportBoth(`GET /v1/profiles/{id} ${at}`, ones);
    }
    await filtered(many);
  } finally {
    await many.stop();
    await few.stop();
  }
}

async function hold(folder: string, port: number): Promise<Holder> {
  const embedded = await startEmbedded({ dataDir: folder, onProgress: () => undefined });
  const gateway = await startGatewayProcess(port, { DATA_DIR: folder, SANDBOX: 'false' });
  const database = openDatabase({ connection: embedded.connection, poolSize: 2 });
  const stop = async () => {
    await database.close();
    await gateway.stop();
    await embedded.stop();
  };
  return { gateway, database, stop };
}

/** Writes accounts and waits until their profiles are decided on and the database is at rest. */
async function settle(database: Database, from: number, to: number): Promise<void> {
  await fill(database, from, to);
  await waitFor('all accounts to get their profiles', () => isSettled(database), {
    ms: MAX_SETTLE_MS,
    everyMs: 200,
  });
  // What a million new rows leave to do is not the lists' work.
  await database.pool.query('VACUUM ANALYZE accounts, profiles');
  await database.pool.query('CHECKPOINT');
}

/** Lists of accounts that filters narrow down, each in turn with the whole list. */
async function filtered(holder: Holder): Promise<void> {
  const since = (number: number) => `updated_since=${timeOf(number)}`;
  const filters = {
    'updated_since of long ago': since,
    'q that all match': (number: number) => `q=person&${since(number)}`,
    'q that few match': (number: number) => `q=12345&${since(number)}`,
    'q of two letters that none match': (number: number) => `q=zz&${since(number)}`,
    'a label of 20,000': (number: number) => `label[brand]=acme&${since(number)}`,
  };
  const plain: Ask = (one) => accounts(one, `platform=instagram,n${count++}`);
  for (const [name, query] of Object.entries(filters)) {
    const asked: Ask = (one) => accounts(one, query(count++));
    const turns = [plain, asked].map((ask) => (number: number) => ask(holder, number));
    const [whole = 0, some = 0] = await medians(turns, FILTERED_REQUESTS);
    report(`GET /v1/accounts, ${name}`, some, 'ms', 'median, no two alike');
    report('÷ the whole list', some / whole, '×');
  }
}

const accounts = ({ gateway }: Holder, query: string) =>
  gateway.get(`/v1/accounts?limit=50&${query}`, headersOf(gateway));

/** Requests, of which no two are alike, so that none is answered with what was kept. */
let count = 0;
const timeOf = (number: number) => new Date(Date.UTC(2000, 0, 1) + number).toISOString();

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
         checked_at, followers, metrics_as_of, remote_data, labels, created_at, updated_at)
       SELECT 'acct_' || lpad(n::text, 26, '0'), 'prof_' || lpad(n::text, 26, '0'), $1, 'conn_' || p,
         p, 'id' || n, 'instagram', 'person' || n / 2, 'person' || n / 2, 'Person ' || n / 2, 'active',
         'healthy', now(), now(), n % 90001, now(), '{}',
         CASE WHEN n BETWEEN $5 AND $6 THEN '{"brand": "acme"}'::jsonb ELSE '{}' END, now() - interval '400 days' + n * interval '1 s',
         now() - interval '400 days' + n * interval '1 s'
       FROM (SELECT n, ($4::text[])[n % 4 + 1] AS p FROM generate_series($2::int, $3::int) AS n) AS a`,
      [team, start, Math.min(start + BATCH, to) - 1, PROVIDERS, ...LABELLED],
    );
}

async function isSettled({ pool }: Database): Promise<boolean> {
  const { rows } = await pool.query('SELECT FROM profile_touches LIMIT 1');
  return rows.length === 0;
}

const list: Ask = ({ gateway }) =>
  gateway.get(`/v1/profiles?limit=50&updated_since=${timeOf(count++)}`, headersOf(gateway));

/** One profile after another, of each in an order of its own. */
async function oneOf(...holders: readonly Holder[]): Promise<Ask> {
  const ids = new Map<Holder, readonly { readonly id: string }[]>();
  for (const holder of holders) {
    const { rows } = await holder.database.pool.query<{ id: string }>(
      'SELECT id FROM profiles ORDER BY md5(id) LIMIT $1',
      [REQUESTS],
    );
    ids.set(holder, rows);
  }
  return (holder, number) => {
    const rows = ids.get(holder) ?? [];
    const id = rows[number % rows.length]?.id;
    return holder.gateway.get(`/v1/profiles/${id}`, headersOf(holder.gateway));
  };
}

/** The bench's own key, which has no quota. */
const headersOf = ({ key }: GatewayProcess) => ({ Authorization: `Bearer ${key}` });

function reportBoth(what: string, [few = 0, many = 0]: readonly number[]): void {
  report(what, many, 'ms', 'median, no two alike');
  report(`÷ at ${FEW.toLocaleString('en')} accounts`, many / few, '×', 'asked in turn');
}

/** Medians in milliseconds, of requests that go to one after the other. */
const inTurn = (holders: readonly Holder[], ask: Ask, requests: number) =>
  medians(
    holders.map((holder) => (number) => ask(holder, number)),
    requests,
  );

async function medians(
  asks: readonly ((number: number) => Promise<{ readonly status: number }>)[],
  requests: number,
): Promise<number[]> {
  const times = asks.map((): number[] => []);
  for (let number = 0; number < requests; number++)
    for (const [index, ask] of asks.entries()) {
      const started = performance.now();
      const { status } = await ask(number);
      if (status !== 200) throw new Error(`answered ${status}`);
      times[index]?.push(performance.now() - started);
    }
  return times.map(median);
}
