import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { seededRandom } from '../../../sandbox/deterministic.js';
import { type Sandbox, startSandbox } from '../../../sandbox/index.js';
import { type Client, clientOf, patient } from '../../support/client.js';
import { type GatewayProcess, SECRET, startProcess } from '../../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../../support/jest.js';
import { pagesOf } from '../../support/pages.js';
import { type Received, type Receiver, startReceiver } from '../../support/receiver.js';
import { startTcpPostgres, type TcpPostgres } from '../../support/tcp-postgres.js';
import { waitFor } from '../../support/wait.js';
import { startLoad } from './load.js';

const KILLS = 12;
/** Each process lives until the load has made so many changes of accounts, or fewer. */
const MAX_CHANGES_PER_LIFE = 50;
const ACCOUNTS = 300;
/** So that there is nearly always something on its way when the kill comes. */
const ANSWER_MS = 20;

let postgres: TcpPostgres;
let database: pg.Pool;
let sandbox: Sandbox;
let receiver: Receiver;
let gateway: GatewayProcess;
let client: Client;

beforeAll(async () => {
  [postgres, sandbox, receiver] = await Promise.all([
    startTcpPostgres(),
    startSandbox({ port: 0, accounts: 2 * ACCOUNTS }),
    startReceiver(),
  ]);
  database = new pg.Pool({ connectionString: postgres.url });
  answerAll();
});
afterAll(async () => {
  await gateway?.end('SIGTERM');
  receiver.stop();
  await database.end();
  await Promise.all([postgres.stop(), sandbox.close()]);
});

/** Of each webhook, by the path of its URL. */
const secrets = new Map<string, string>();
/** What is wrong with signatures: looked at on arrival, as a signature is good for minutes only. */
const objections: unknown[] = [];
const verify = ({ path, headers, body }: Received) => {
  try {
    new Webhook(secrets.get(path) ?? '').verify(body, headers);
  } catch (error) {
    objections.push(error);
  }
};
const answerAll = () =>
  receiver.answerWith((response, request) => {
    verify(request);
    setTimeout(() => response.writeHead(204).end(), ANSWER_MS);
  });
/** Kills the process while it waits for the answer to a webhook that has arrived. */
const killDuringDelivery = async () => {
  receiver.answerWith((_response, request) => verify(request));
  const before = receiver.received.length;
  await receiver.until('a webhook to arrive', () => receiver.received.length > before);
  await gateway.end('SIGKILL');
  answerAll();
};

const start = async (key?: string) => {
  gateway = await startProcess({
    DATABASE_URL: postgres.url,
    ROLLCALL_SECRET: SECRET,
    SANDBOX: 'false',
    // Several at once, yet no more than the load keeps busy: each reads the catalogue anew.
    DATABASE_POOL_SIZE: '8',
    SWEEP_INTERVAL_SECONDS: '3600',
    WEBHOOKS_ALLOW_LOOPBACK: 'true',
  });
  client = patient(clientOf(gateway.url, key));
};

/** Columns of an account that no caller sees, or that tell of the look and not of the account. */
const UNSEEN = `ARRAY['checked_at', 'updated_at', 'health_since', 'missing_since', 'quarantined_at', 'content_hash', 'remote_data',
  'username_key', 'profile_id', 'metrics_as_of', 'metrics_told_at', 'followers_bucket', 'disconnected_at', 'disconnect_cause',
  'disconnect_id', 'connected_at']`;
/** Told once a day where nothing else changes; `updated_at` moves when they are. */
const METRICS = `ARRAY['followers', 'following', 'posts', 'views', 'likes', 'comments', 'shares', 'saves',
  'engagement_rate', 'growth_rate_30d']`;

/**
 * Has the database itself note which transaction changed which account: what is noted has
 * committed.
 */
const WATCH_ACCOUNTS = `
  CREATE TABLE witnessed (account_id text, transaction_id bigint);
  CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witnessed VALUES (NEW.id, pg_current_xact_id()::text::bigint);
    RETURN NULL;
  END $$;
  CREATE TRIGGER witness_new AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION witness();
  CREATE TRIGGER witness_change AFTER UPDATE ON accounts FOR EACH ROW
    WHEN (to_jsonb(OLD) - ${UNSEEN} - ${METRICS} IS DISTINCT FROM to_jsonb(NEW) - ${UNSEEN} - ${METRICS}
      OR (to_jsonb(OLD) - ${UNSEEN} IS DISTINCT FROM to_jsonb(NEW) - ${UNSEEN} AND NEW.updated_at <> OLD.updated_at))
    EXECUTE FUNCTION witness();`;

const lines = async (query: string): Promise<string[]> => {
  const { rows } = await database.query<{ line: string }>(query);
  return rows.map(({ line }) => line).sort();
};
const count = async (query: string) =>
  Number((await database.query(`SELECT count(*) AS count FROM ${query}`)).rows[0].count);
const isZero = (total: number) => total === 0;

/** The whole feed, page by page. */
async function readFeed() {
  const events: { id: string; type: string; account_id: string | null }[] = [];
  for await (const { data } of pagesOf(client, '/v1/events?limit=200', 'after'))
    events.push(...data);
  return events;
}

describe(`killed with -9 ${KILLS} times under load`, () => {
  beforeAll(async () => {
    await start();
    const limit = { quota: 1_000_000, window_seconds: 60 };
    const { key } = (
      await gateway.root.post('/v1/keys', { name: 'load', scopes: ['admin'], rate_limit: limit })
    ).body.data;
    client = patient(clientOf(gateway.url, key));
    await database.query(WATCH_ACCOUNTS);
    for (const [path, types] of [
      ['/all', []],
      ['/health', ['account.health_changed']],
    ] as const) {
      const made = await client.post('/v1/webhooks', { url: receiver.url + path, types });
      secrets.set(path, made.body.data.secret);
    }
    const outfame = sandbox.provider('outfame');
    const request = {
      provider: 'outfame',
      credentials: { api_key: sandbox.apiKey('outfame') },
      base_url: sandbox.baseUrl('outfame'),
    };
    // Root alone may say where a provider is.
    const connection = (await gateway.root.post('/v1/connections', request)).body.data.id;
    const accounts = Array.from(
      { length: ACCOUNTS },
      (_, index) => `acc_S${String(index).padStart(9, '0')}`,
    );
    const load = startLoad(() => client, outfame, connection, accounts);

    const random = seededRandom(1);
    const changes = () => count('witnessed');
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        const wanted = (await changes()) + Math.floor(random() * MAX_CHANGES_PER_LIFE);
        await waitFor(`${wanted} changes`, changes, { until: (made) => made >= wanted });
        if (kill % 4 === 0) await killDuringDelivery();
        else await gateway.end('SIGKILL');
        await start(key);
      }
    } finally {
      await load.end();
    }
    const unfinished = async () =>
      (await count('sweeps WHERE finished_at IS NULL')) +
      (await count('disconnects WHERE finished_at IS NULL'));
    await waitFor('all sweeps and disconnects to finish', unfinished, { until: isZero });
    const behind = () => count('webhooks WHERE feed_position < (SELECT max(position) FROM events)');
    await waitFor('the webhooks to come to the last event', behind, { until: isZero });
    const pending = () => count(`webhook_deliveries WHERE state = 'pending'`);
    await waitFor('every delivery to be made', pending, { until: isZero });
  });

  test('every committed change of an account has its events in the same transaction, and no event is without one', async () => {
    const changes = await lines(
      `SELECT DISTINCT account_id || ' ' || transaction_id AS line FROM witnessed`,
    );
    const told = await lines(
      `SELECT DISTINCT account_id || ' ' || transaction_id AS line FROM events WHERE account_id IS NOT NULL`,
    );
    expect(changes.length).toBeGreaterThan(25 * KILLS);
    expect(told).toEqual(changes);
    const twice = `SELECT account_id || ' ' || type AS line FROM events WHERE account_id IS NOT NULL GROUP BY account_id, type, transaction_id HAVING count(*) > 1`;
    expect(await lines(twice)).toEqual([]);
  });

  test('every transition in the health history has its event, and so has every action in the audit log', async () => {
    const transitions = await lines(
      `SELECT concat_ws(' ', account_id, transaction_id, from_status, to_status, reason, at) AS line FROM health_transitions`,
    );
    const changes = await lines(
      `SELECT concat_ws(' ', account_id, transaction_id, data #>> '{from,status}', data #>> '{account,health,status}',
         data #>> '{account,health,reason}', created_at) AS line FROM events WHERE type = 'account.health_changed'`,
    );
    expect(transitions.length).toBeGreaterThan(2 * KILLS);
    expect(changes).toEqual(transitions);

    // Rows of the audit log are never written again, so the transaction that made one still stands
    // in it.
    const deeds = await lines(
      `SELECT concat_ws(' ', replace(action, 'labels_changed', 'updated'), target_id, xmin) AS line FROM audit_events
       WHERE action IN ('account.labels_changed', 'account.disconnecting', 'account.disconnected', 'account.disconnect_failed')`,
    );
    const told = await lines(
      `SELECT concat_ws(' ', type, account_id, transaction_id) AS line FROM events
       WHERE type LIKE 'account.disconnect%' OR data -> 'changed' = '["labels"]'`,
    );
    expect(new Set(deeds.map((deed) => deed.split(' ')[0]))).toEqual(
      new Set(['account.updated', 'account.disconnecting', 'account.disconnected']),
    );
    expect(told).toEqual(deeds);
  });

  test('the feed shows every event once', async () => {
    const shown = (await readFeed()).map(({ id }) => id);
    expect(new Set(shown).size).toBe(shown.length);
    expect(shown.sort()).toEqual(await lines('SELECT id AS line FROM events'));
  });

  test('every webhook got every event of its types, signed; what came twice has the same id and the same text', async () => {
    const feed = await readFeed();
    const wanted = {
      '/all': feed,
      '/health': feed.filter(({ type }) => type === 'account.health_changed'),
    };
    let repeated = 0;
    for (const [path, events] of Object.entries(wanted)) {
      const texts = new Map<string, string>();
      for (const { headers, body } of receiver.received.filter(
        (request) => request.path === path,
      )) {
        const id = headers['webhook-id'] ?? '';
        expect(JSON.parse(body)).toMatchObject({ id });
        if (texts.has(id)) repeated++;
        expect(texts.get(id) ?? body).toBe(body);
        texts.set(id, body);
      }
      expect([...texts.keys()].sort()).toEqual(events.map(({ id }) => id).sort());
    }
    expect(objections).toEqual([]);
    expect(repeated).toBeGreaterThan(0);
  });
});
