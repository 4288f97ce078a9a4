import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/logger.js';
import { openApi } from '../support/api-document.js';
import { createApp } from '../support/app.js';
import { BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let outfame: string;
let octopost: string;
beforeAll(async () => {
  gateway = await startGateway({ accounts: 1200 });
  [outfame, octopost] = [await gateway.connect('outfame'), await gateway.connect('octopost')];
});
beforeEach(async () => {
  gateway.sandbox.reset();
  for (const connection of [outfame, octopost]) await gateway.sweep(connection);
});
afterAll(() => gateway.stop());

const TOTAL = 612;
const total = async (query: string) =>
  (await gateway.root.get(`/v1/accounts?include_total=true&limit=1&${query}`)).body.pagination
    .total_count;
const account = async (reference: string) =>
  (await gateway.root.get(`/v1/accounts/${reference}`)).body.data;
const sandbox = (provider: 'outfame' | 'octopost') => gateway.sandbox.provider(provider);
/** What PostgreSQL has of each row: which transaction wrote it last, and where it lies. */
const versions = async () =>
  (await gateway.database.pool.query('SELECT id, xmin::text, ctid::text FROM accounts ORDER BY id'))
    .rows;

describe('a sweep', () => {
  test('that brings many new accounts has the database look at its table, as plans for lists depend on it', async () => {
    const { rows } = await gateway.database.pool.query(
      `SELECT reltuples FROM pg_class WHERE oid = 'accounts'::regclass`,
    );
    expect(rows[0].reltuples).toBeGreaterThanOrEqual(500);
  });

  test('of an unchanged provider writes no account row', async () => {
    const before = await versions();
    expect(before.length).toBe(TOTAL + 12);
    expect(await gateway.sweep(outfame)).toMatchObject({
      state: 'succeeded',
      seen: TOTAL,
      unchanged: TOTAL,
      added: 0,
      changed: 0,
      vanished: 0,
    });
    expect(await versions()).toEqual(before);
  });

  test('writes what changed and that alone, and counts it', async () => {
    const before = await versions();
    const { id } = await account('acc_abc123');
    sandbox('octopost').putAccount('acc_abc123', { display_name: 'Renamed', is_active: false });
    sandbox('octopost').putAccount('acc_new1', { username: 'newcomer' });
    sandbox('octopost').removeAccount('acc_def456');
    expect(await gateway.sweep(octopost)).toMatchObject({
      seen: 12,
      unchanged: 10,
      added: 1,
      changed: 1,
      vanished: 1,
      quarantined: 0,
    });
    const after = await versions();
    const gone = await account('acc_def456');
    const moved = before
      .filter((row) => !after.some((other) => other.id === row.id && other.xmin === row.xmin))
      .map((row) => row.id);
    expect(new Set(moved)).toEqual(new Set([id, gone.id]));
    expect(await account('acc_abc123')).toMatchObject({
      id,
      display_name: 'Renamed',
      status: 'reconnect_required',
      health: { reason: 'token_invalid', fault: 'account' },
    });
    expect(gone).toMatchObject({
      status: 'disconnected',
      disconnected_at: expect.any(String),
      operations: [],
    });
  });

  test('keeps what it saw of half a list, and takes nothing unseen as gone', async () => {
    sandbox('outfame').putAccount('acc_Cap1Case00', { followers_count: 4321 });
    for (let number = 0; number < 100; number++)
      sandbox('outfame').removeAccount(`acc_S${String(number).padStart(9, '0')}`);
    sandbox('outfame').faults.add({ kind: 'server_error', path: '/accounts', after: 3 });
    const cut = await gateway.sweep(outfame);
    expect(cut).toMatchObject({
      state: 'failed',
      seen: 300,
      changed: 1,
      vanished: 0,
      error: { code: 'server_error' },
    });
    expect(await total('provider=outfame')).toBe(TOTAL);
    expect((await account('acc_Cap1Case00')).metrics.followers).toBe(4321);
    sandbox('outfame').faults.clear();
    expect(await gateway.sweep(outfame)).toMatchObject({ state: 'succeeded', vanished: 100 });
    expect(await total('provider=outfame')).toBe(TOTAL - 100);
  });

  test('is listed with its counts, newest first, page by page', async () => {
    const last = await gateway.sweep(octopost);
    const { body } = await gateway.root.get(`/v1/connections/${octopost}/sweeps?limit=2`);
    expect(body.data[0]).toMatchObject({
      id: last.id,
      state: 'succeeded',
      connection_id: octopost,
      error: null,
      quarantine: [],
    });
    const [first, second] = body.data;
    expect(first.created_at >= second.created_at).toBe(true);
    expect(first.finished_at >= first.started_at).toBe(true);
    const next = await gateway.root.get(
      `/v1/connections/${octopost}/sweeps?limit=2&cursor=${body.pagination.next_cursor}`,
    );
    expect(next.body.data.map(({ id }: { id: string }) => id)).not.toContain(second.id);
  });

  test('is the same one for all who ask while it is under way', async () => {
    sandbox('octopost').changeSettings({ latency_ms: 200 });
    const path = `/v1/connections/${octopost}/sweep`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => gateway.root.post(path)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1);
    await gateway.sweep(octopost);
  });
});

describe('a field that cannot be read', () => {
  const letters = (count: number) =>
    Array.from({ length: count }, (_, at) => ((at * 7919) % 36).toString(36)).join('');
  const BAD: readonly (readonly [
    what: string,
    fields: Record<string, unknown>,
    expected: Record<string, unknown>,
  ])[] = [
    ['of another type', { username: { unexpected: 1 } }, { username: null }],
    ['of another type, which no account is without', { platform: [7] }, { platform: 'twitter' }],
    ['with a NUL', { display_name: 'a\0b' }, { display_name: 'ab' }],
    ['with half a surrogate pair', { username: 'a\ud800b' }, { username: 'a\ufffdb' }],
    [
      'nested without end',
      { display_name: JSON.parse(`${'['.repeat(1000)}${']'.repeat(1000)}`) },
      {
        display_name: 'acmefitness',
      },
    ],
    ['with a name of 10,000 letters', { username: letters(10_000) }, { username: null }],
    [
      'that decides',
      { is_active: 'perhaps' },
      {
        status: 'active',
        health: expect.objectContaining({
          status: 'unknown',
          reason: 'answer_unreadable',
          fault: 'provider',
          next_step: 'retry',
        }),
      },
    ],
  ];
  test.each(BAD)(
    '%s costs the field alone; the account stays listed and is looked at',
    async (_what, fields, expected) => {
      const before = await account('acc_abc123');
      sandbox('octopost').putAccount('acc_abc123', fields);
      sandbox('octopost').putAccount('acc_jkl012', { display_name: 'seen beside it' });
      sandbox('octopost').removeAccount('acc_stu901');
      expect(await gateway.sweep(octopost)).toMatchObject({
        state: 'succeeded',
        seen: 11,
        vanished: 1,
        quarantined: 0,
      });
      expect((await account('acc_jkl012')).display_name).toBe('seen beside it');
      const { health, platform_user_id, status } = await account('acc_abc123');
      expect(await account('acc_abc123')).toMatchObject(expected);
      expect([platform_user_id, status]).toEqual([before.platform_user_id, before.status]);
      expect(health.checked_at > before.health.checked_at).toBe(true);
      expect((await gateway.root.post('/v1/accounts/acc_abc123/probe')).status).toBe(200);
    },
  );

  test('leaves the status that it decides as it was, and heals', async () => {
    sandbox('octopost').putAccount('acc_abc123', { is_active: false });
    await gateway.sweep(octopost);
    sandbox('octopost').putAccount('acc_abc123', { is_active: null });
    await gateway.sweep(octopost);
    const unread = await account('acc_abc123');
    expect(unread).toMatchObject({
      status: 'reconnect_required',
      health: { status: 'unknown', reason: 'answer_unreadable', token_valid: null },
    });
    sandbox('octopost').putAccount('acc_new', { is_active: 7 });
    sandbox('octopost').putAccount('acc_abc123', { is_active: true });
    await gateway.sweep(octopost);
    expect(await account('acc_abc123')).toMatchObject({
      status: 'active',
      health: { status: 'healthy', next_step: 'none' },
    });
    expect(await account('acc_new')).toMatchObject({
      status: 'active',
      health: { status: 'unknown', reason: 'answer_unreadable' },
    });
  });

  test('is as a rule one in another form', async () => {
    sandbox('octopost').putAccount('acc_abc123', {
      is_active: 'FALSE',
      platform: ' Twitter ',
      connected_at: '2026-03-15 12:00:00+02',
    });
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'succeeded', quarantined: 0 });
    expect(await account('acc_abc123')).toMatchObject({
      platform: 'twitter',
      status: 'reconnect_required',
      connected_at: '2026-03-15T10:00:00.000Z',
    });
  });
});

describe('an item that cannot be read', () => {
  test('as its very id cannot be stored is set aside, and spoils nothing', async () => {
    sandbox('octopost').putAccount('acc_nul', { id: 'a\0b' });
    sandbox('octopost').putAccount('acc_long', {
      id: Array.from({ length: 9_000 }, (_, at) => ((at * 7919) % 36).toString(36)).join(''),
    });
    sandbox('octopost').putAccount('acc_none', { id: null });
    expect(await gateway.sweep(octopost)).toMatchObject({
      state: 'succeeded',
      seen: 12,
      quarantined: 3,
    });
    const { body } = await gateway.root.get(`/v1/connections/${octopost}/sweeps?limit=1`);
    expect(body.data[0].quarantine).toHaveLength(3);
    expect(await total('provider=octopost')).toBe(12);
  });

  test('with times that no calendar has loses the times alone', async () => {
    sandbox('octopost').putAccount('acc_abc123', {
      connected_at: '0000-01-01T00:00:00Z',
      last_used_at: '9999-12-31T23:59:59-05:00',
    });
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'succeeded', quarantined: 0 });
    expect(await account('acc_abc123')).toMatchObject({ connected_at: null, last_used_at: null });
  });
});

describe('accounts that are no longer listed', () => {
  test('vanish, and come back as themselves, with their labels', async () => {
    await gateway.root.patch('/v1/accounts/acc_def456', { labels: { kept: 'yes' } });
    const { id } = await account('acc_def456');
    sandbox('octopost').removeAccount('acc_def456');
    await gateway.sweep(octopost);
    expect((await account('acc_def456')).status).toBe('disconnected');
    expect(await total('username=acmefitness.bsky.social')).toBe(0);
    sandbox('octopost').putAccount('acc_def456', {});
    expect(await gateway.sweep(octopost)).toMatchObject({ changed: 1 });
    expect(await account('acc_def456')).toMatchObject({
      id,
      status: 'active',
      disconnected_at: null,
      labels: { kept: 'yes' },
    });
  });

  test('leave their labels to those that their platform shows as the same, and to nobody else', async () => {
    const known = [
      { platform: 'instagram', platform_user_id: '17841400999000777' },
      { platform: null, platform_user_id: '17841400999000777' },
      ...['ig_user_id', '0', 'n/a', 'user1234567890', 'two words', 'deleted_9'].map((id) => ({
        platform: 'instagram',
        platform_user_id: id,
      })),
    ];
    for (const [at, fields] of known.entries())
      sandbox('octopost').putAccount(`acc_former${at}`, { ...fields, username: `former${at}` });
    await gateway.sweep(octopost);
    for (const at of known.keys())
      await gateway.root.patch(`/v1/accounts/octopost:acc_former${at}`, {
        labels: { of: `${at}` },
      });
    for (const [at, fields] of known.entries()) {
      sandbox('octopost').removeAccount(`acc_former${at}`);
      sandbox('octopost').putAccount(`acc_next${at}`, { ...fields, username: `next${at}` });
    }
    await gateway.sweep(octopost);
    const labels = await Promise.all(
      [...known.keys()].map(async (at) => (await account(`acc_next${at}`)).labels),
    );
    expect(labels).toEqual([{ of: '0' }, ...known.slice(1).map(() => ({}))]);
    for (const at of known.keys()) sandbox('octopost').removeAccount(`acc_next${at}`);
    await gateway.sweep(octopost);
  });

  test('by more than half are held until a second sweep agrees', async () => {
    const ids = (await gateway.root.get('/v1/accounts?provider=octopost')).body.data.map(
      (item: { provider_account_id: string }) => item.provider_account_id,
    );
    for (const id of ids.slice(0, 7)) sandbox('octopost').removeAccount(id);
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'held', vanished: 0, seen: 5 });
    expect(await total('provider=octopost')).toBe(12);
    sandbox('octopost').putAccount(ids[0], {});
    sandbox('octopost').faults.add({ kind: 'server_error', times: 3 });
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'failed' });
    sandbox('octopost').faults.clear();
    expect(await gateway.sweep(octopost)).toMatchObject({
      state: 'succeeded',
      vanished: 6,
      seen: 6,
    });
    expect(await total('provider=octopost')).toBe(6);
  });

  test('by more than half and back before the second sweep are never gone', async () => {
    const ids = (await gateway.root.get('/v1/accounts?provider=octopost')).body.data.map(
      (item: { provider_account_id: string }) => item.provider_account_id,
    );
    for (const id of ids.slice(0, 9)) sandbox('octopost').removeAccount(id);
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'held' });
    for (const id of ids.slice(0, 9)) sandbox('octopost').putAccount(id, {});
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'succeeded', vanished: 0 });
    for (const id of ids.slice(0, 8)) sandbox('octopost').removeAccount(id);
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'held' });
    expect(await total('provider=octopost')).toBe(12);
  });

  test('half of them, or all of a small connection, are believed at once', async () => {
    const ids = (await gateway.root.get('/v1/accounts?provider=octopost')).body.data.map(
      (item: { provider_account_id: string }) => item.provider_account_id,
    );
    for (const id of ids.slice(0, 6)) sandbox('octopost').removeAccount(id);
    expect(await gateway.sweep(octopost)).toMatchObject({ state: 'succeeded', vanished: 6 });
    for (const id of ids.slice(6)) sandbox('octopost').removeAccount(id);
    expect(await gateway.sweep(octopost)).toMatchObject({
      state: 'succeeded',
      vanished: 6,
      seen: 0,
    });
  });
});

test('two replicas on one database make one sweep of a connection at a time', async () => {
  const { database, sandbox: providers } = gateway;
  const secret = Buffer.alloc(32, 7).toString('base64');
  const replica = await createApp({
    database,
    clock: systemClock,
    logger: silentLogger,
    secret,
    sweepIntervalSeconds: 3600,
    openApi,
    policies: BRISK,
  });
  await replica.work();
  const before = providers.provider('outfame').counts().by_operation['GET /accounts'] ?? 0;
  providers.provider('outfame').changeSettings({ latency_ms: 30 });
  const { body } = await gateway.root.post(`/v1/connections/${outfame}/sweep`);
  await Promise.all([
    replica.sweeps.run(body.data.id),
    gateway.app.sweeps.run(body.data.id),
    replica.recurringJobs.runAll(),
  ]);
  await gateway.sweep(outfame).catch(() => undefined);
  const sweep = await waitFor(
    'the sweep to finish',
    () => database.prisma.sweep.findUniqueOrThrow({ where: { id: body.data.id } }),
    { until: ({ finishedAt }) => finishedAt !== null },
  );
  expect(sweep.state).toBe('succeeded');
  const pagesOfOne = 7;
  const asked =
    (providers.provider('outfame').counts().by_operation['GET /accounts'] ?? 0) - before;
  const rows = await database.prisma.sweep.count({
    where: { connectionId: outfame, createdAt: { gte: sweep.createdAt } },
  });
  expect(asked).toBe(pagesOfOne * rows);
  await replica.stop();
});

test('a sweep that is asked for while the one before still winds up runs when that is done', async () => {
  sandbox('octopost').changeSettings({ latency_ms: 300 });
  const ask = async () =>
    (await gateway.root.post(`/v1/connections/${octopost}/sweep`)).body.data.id;
  const state = async (id: string) =>
    (await gateway.database.prisma.sweep.findUniqueOrThrow({ where: { id } })).state;
  const first = await ask();
  await waitFor('the first sweep to run', () => state(first), { until: (is) => is === 'running' });
  // As its last transaction leaves it, just before it lets go of the connection.
  await gateway.database.prisma.sweep.update({
    where: { id: first },
    data: { state: 'succeeded' },
  });
  const second = await ask();
  expect(second).not.toBe(first);
  await waitFor('the second sweep to succeed', () => state(second), {
    until: (is) => is === 'succeeded',
  });
});

test('a connection that is forgotten during its sweep is gone, with all its accounts', async () => {
  const { client, id: team } = await gateway.newTeam('forgetful');
  const connection = await gateway.connect('outfame', team);
  sandbox('outfame').changeSettings({ latency_ms: 50 });
  const started = await client.post(`/v1/connections/${connection}/sweep`);
  await waitFor(
    'the sweep to run',
    () => gateway.database.prisma.sweep.findUnique({ where: { id: started.body.data.id } }),
    { until: (row) => row?.state === 'running' },
  );
  expect((await client.delete(`/v1/connections/${connection}`)).status).toBe(204);
  expect((await client.get(`/v1/connections/${connection}`)).status).toBe(404);
  expect((await client.get('/v1/accounts')).body.data).toEqual([]);
  expect(sandbox('outfame').counts().deletes).toEqual({});
});
