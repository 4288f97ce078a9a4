import { execFile } from 'node:child_process';
import { stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { verifyReceipt } from '../../src/cli/verify-receipt.js';
import { checkout } from '../support/checkout.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type GatewayProcess, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { notYet } from '../support/scheduled.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

const execute = promisify(execFile);
const OTHER_SECRET = Buffer.alloc(32, 3).toString('base64');

let folder: string;
let postgres: TcpPostgres;
let sandbox: Sandbox;
let receiver: Receiver;

const file = () => join(folder, 'rollcall.backup');
const urlOf = (database: string) => postgres.url.replace(/\/postgres$/, `/${database}`);
const place = (database: string, secret = SECRET) => ({
  DATABASE_URL: urlOf(database),
  ROLLCALL_SECRET: secret,
});
/** Runs a command of the checkout. Rejects with what it said when it fails. */
const inCheckout = async (command: string, variables: Readonly<Record<string, string>>) =>
  (
    await execute('sh', ['-c', command], {
      cwd: checkout,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...variables },
    })
  ).stdout;
const restoreInto = (database: string, secret?: string) =>
  inCheckout(`npm run --silent restore -- ${file()}`, place(database, secret));

const start = (database: string) =>
  startProcess({
    ...place(database),
    WEBHOOKS_ALLOW_LOOPBACK: 'true',
    SWEEP_INTERVAL_SECONDS: '5',
    ...Object.fromEntries(
      ['outfame', 'octopost', 'socialsyncer'].flatMap((name) => [
        [`${name.toUpperCase()}_API_KEY`, sandbox.apiKey(name as 'outfame')],
        [`${name.toUpperCase()}_BASE_URL`, sandbox.baseUrl(name as 'outfame')],
      ]),
    ),
  });

async function query<Row extends pg.QueryResultRow>(database: string, text: string) {
  const client = new pg.Client({ connectionString: urlOf(database) });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Everything in the feed from `cursor` on, and the cursor of its end. */
async function feed({ root }: GatewayProcess, cursor?: string) {
  const at = cursor === undefined ? '' : `&after=${encodeURIComponent(cursor)}`;
  const { status, body } = await root.get(`/v1/events?limit=200${at}`);
  return { status, ids: body.data?.map(({ id }: { id: string }) => id) as string[], body };
}

const finished = (gateway: GatewayProcess, id: string) =>
  waitFor(
    `disconnect ${id} to finish`,
    async () => (await gateway.root.get(`/v1/disconnects/${id}`)).body.data,
    { until: ({ state }) => !['running', 'pending', 'scheduled'].includes(state) },
  );

beforeAll(async () => {
  [folder, postgres, sandbox, receiver] = await Promise.all([
    makeFolder(),
    startTcpPostgres(),
    startSandbox({ port: 0 }),
    startReceiver(),
  ]);
  await query('postgres', 'CREATE DATABASE before');
  await query('postgres', 'CREATE DATABASE after');
});
afterAll(async () => {
  receiver.stop();
  await sandbox.close();
  await postgres.stop();
  await removeFolder(folder);
});

describe('a database that is restored into another one', () => {
  let gateway: GatewayProcess;
  /** What there was at the backup. */
  let kept: { accounts: unknown[]; cursor: string; receipt: string; done: string; webhook: string };
  let waiting: { id: string; account: string }[];
  let scheduled: { id: string; account: string };
  let lost: string;

  const deletesOf = (provider: 'outfame' | 'octopost', account: string) =>
    sandbox.provider(provider).counts().deletes[account]?.calls ?? 0;
  const accountsOf = async (provider: string) =>
    (await gateway.root.get(`/v1/accounts?provider=${provider}&limit=200`)).body.data as {
      id: string;
      provider_account_id: string;
    }[];
  const disconnect = async (id: string, more: object = {}) =>
    (await gateway.root.post('/v1/disconnects', { account_ids: [id], ...more })).body.data.id;

  beforeAll(async () => {
    gateway = await start('before');
    await waitFor('accounts of all providers', async () =>
      (await Promise.all(['outfame', 'octopost', 'socialsyncer'].map(accountsOf))).every(
        (accounts) => accounts.length > 1,
      ),
    );
    const [[first, second], [third, fourth, fifth, sixth]] = await Promise.all([
      accountsOf('outfame'),
      accountsOf('octopost'),
    ]);
    if (!first || !second || !third || !fourth || !fifth || !sixth)
      throw new Error('too few accounts');
    const made = await gateway.root.post('/v1/webhooks', { url: `${receiver.url}/hook` });
    const done = await disconnect(first.id);
    await finished(gateway, done);
    await receiver.until('the webhook to be told', () => receiver.received.length > 0);
    // One is not even looked at, one may have been deleted: both are when the backup is there.
    sandbox.provider('outfame').faults.add({ kind: 'server_error', status: 503 });
    const fault = { kind: 'server_error', status: 503, method: 'DELETE' } as const;
    sandbox.provider('octopost').faults.add(fault);
    waiting = [
      { id: await disconnect(second.id), account: second.provider_account_id },
      { id: await disconnect(third.id), account: third.provider_account_id },
    ];
    await waitFor(
      'the provider to have refused a delete',
      () =>
        deletesOf('octopost', third.provider_account_id) > 0 ||
        (sandbox.provider('octopost').counts().faults[0]?.struck ?? 0) > 0,
    );
    scheduled = {
      id: await disconnect(fourth.id, { scheduled_at: notYet() }),
      account: fourth.provider_account_id,
    };
    const { body } = await feed(gateway);
    kept = {
      accounts: (await accountsOf('socialsyncer')).sort((a, b) => (a.id < b.id ? -1 : 1)),
      cursor: body.pagination.next_cursor,
      receipt: (await gateway.root.get(`/v1/disconnects/${done}/receipt`)).text,
      done,
      webhook: made.body.data.id,
    };
    const said = await inCheckout(`npm run --silent backup -- ${file()}`, place('before'));
    expect(said).toMatch(/^Wrote \d+ rows of \d+ tables to \S+\nIt is useless without the secret/);

    // After the backup: what was under way is done, and one more that the backup knows nothing of.
    sandbox.provider('outfame').faults.clear();
    sandbox.provider('octopost').faults.clear();
    for (const { id } of waiting) await finished(gateway, id);
    lost = fifth.provider_account_id;
    await finished(gateway, await disconnect(fifth.id));
    await gateway.end('SIGKILL');
  });

  test('is refused with another secret, and where something is', async () => {
    await expect(restoreInto('after', OTHER_SECRET)).rejects.toMatchObject({
      stderr: expect.stringMatching(
        /^ROLLCALL_SECRET: the backup is encrypted with another [^\n]+\n$/,
      ),
    });
    await expect(restoreInto('before')).rejects.toMatchObject({
      stderr: expect.stringMatching(/^The database is not empty: [^\n]+\n$/),
    });
    expect(await query('after', `SELECT 1 FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
  });

  test('has what there was: accounts, receipts, webhooks, schedules and the audit log', async () => {
    expect(await restoreInto('after')).toMatch(
      /^Restored \d+ rows of \d+ tables, as they were at /,
    );
    gateway = await start('after');
    expect(
      (await accountsOf('socialsyncer'))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ id, provider_account_id: own }) => [id, own]),
    ).toEqual(
      (kept.accounts as Awaited<ReturnType<typeof accountsOf>>).map((one) => [
        one.id,
        one.provider_account_id,
      ]),
    );
    expect((await gateway.root.get(`/v1/disconnects/${kept.done}/receipt`)).text).toBe(
      kept.receipt,
    );
    const [receipt, keys] = [join(folder, 'receipt.json'), join(folder, 'keys.json')];
    await writeFile(receipt, kept.receipt);
    await writeFile(keys, (await gateway.root.get('/.well-known/rollcall.json')).text);
    expect((await verifyReceipt([receipt, keys])).exitCode).toBe(0);
    expect((await gateway.root.get(`/v1/disconnects/${scheduled.id}`)).body.data.state).toBe(
      'scheduled',
    );
    expect((await gateway.root.get(`/v1/webhooks/${kept.webhook}`)).status).toBe(200);
    expect(await inCheckout('npm run --silent verify-audit', place('after'))).toMatch(/^Verified/);
  });

  test('looks before it repeats what was done since, and deletes nothing twice', async () => {
    const effective = (provider: 'outfame' | 'octopost', account: string) =>
      sandbox.provider(provider).counts().deletes[account];
    const before = [
      effective('outfame', waiting[0]?.account ?? ''),
      effective('octopost', waiting[1]?.account ?? ''),
    ];
    expect(before).toMatchObject([{ effective: 1 }, { effective: 1 }]);
    for (const { id } of waiting) {
      const { state, steps } = await finished(gateway, id);
      expect(state).toBe('succeeded');
      expect(steps[0]).toMatchObject({ outcome: 'disconnected', verified: 'absent' });
      expect(steps[0].evidence.at(-1)).toMatchObject({ call: 'look', outcome: 'absent' });
    }
    expect([
      effective('outfame', waiting[0]?.account ?? ''),
      effective('octopost', waiting[1]?.account ?? ''),
    ]).toEqual(before);
  });

  test('goes on: schedules start, sweeps find what is gone, and webhooks are told', async () => {
    await query(
      'after',
      `UPDATE disconnects SET scheduled_at = now() WHERE id = '${scheduled.id}'`,
    );
    expect(await finished(gateway, scheduled.id)).toMatchObject({ state: 'succeeded' });
    expect(deletesOf('octopost', scheduled.account)).toBe(1);
    await waitFor(
      'a sweep to miss what was disconnected after the backup',
      async () =>
        (await gateway.root.get(`/v1/accounts/octopost:${lost}`)).body.data.status ===
        'disconnected',
    );
    expect(deletesOf('octopost', lost)).toBe(1);
    await receiver.until('the webhook to be told of the scheduled one', () =>
      receiver.received.some(
        ({ body }) => body.includes(scheduled.account) && body.includes('account.disconnected'),
      ),
    );
  });

  test('a cursor from before the backup goes on with what came after the restore', async () => {
    const { status, ids, body } = await feed(gateway, kept.cursor);
    expect([status, body.code, body.detail]).toEqual([200, undefined, undefined]);
    expect(ids.length).toBeGreaterThan(0);
    const told = body.data.map(({ type }: { type: string }) => type);
    expect(told).toContain('account.disconnected');
    expect((await gateway.end('SIGTERM')).code).toBe(0);
  });

  test('is refused when the file was cut off, and left as it was', async () => {
    await query('postgres', 'CREATE DATABASE third');
    await truncate(file(), Math.floor((await stat(file())).size / 2));
    await expect(restoreInto('third')).rejects.toMatchObject({
      stderr: expect.stringMatching(/(is incomplete:|or is damaged)[^\n]+\n$/),
    });
    expect(await query('third', 'SELECT 1 FROM teams')).toEqual([]);
  });
});
