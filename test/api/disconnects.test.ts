import type { ProviderName } from '../../sandbox/index.js';
import { isSignedWith } from '../../src/lib/signature.js';
import type { Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, jest, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { idsOf } from '../support/pages.js';
import { waitFor } from '../support/wait.js';

const clock = shiftedClock();
let gateway: Gateway;
let taken = 0;

beforeAll(async () => {
  gateway = await startGateway({
    clock,
    accounts: 500,
    disconnects: { firstDelayMs: 10, longestDelayMs: 40, keepsTryingMs: 3_600_000 },
  });
  for (const provider of ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const)
    await gateway.connect(provider);
});

afterAll(() => gateway.stop());

const provider = (name: ProviderName) => gateway.sandbox.provider(name);
const post = (body: object, headers = {}) => gateway.root.post('/v1/disconnects', body, headers);
const account = async (ref: string) =>
  (await gateway.root.get(`/v1/accounts/${encodeURIComponent(ref)}`)).body.data;

/** An active Outfame account that no other test uses. */
function fresh(): string {
  taken += 1;
  return `outfame:acc_S${String(taken).padStart(9, '0')}`;
}

async function finished(id: string, client = gateway.root): Promise<Reply['body']> {
  const look = async () => {
    await gateway.app.recurringJobs.runAll();
    return (await client.get(`/v1/disconnects/${id}`)).body.data;
  };
  return waitFor('the disconnect to finish', look, {
    until: ({ finished_at }) => finished_at !== null,
  });
}

describe('a dry run', () => {
  test('tells what will really happen at each provider, and touches nothing', async () => {
    const refs = [
      'outfame:acc_aCme1Fit00',
      'octopost:acc_abc123',
      'socialsyncer:instagram/17841400123456789',
    ];
    const before = await Promise.all(refs.map(account));
    const asked = provider('outfame').counts().requests;
    const { status, body } = await post({ account_ids: refs, dry_run: true });
    expect(status).toBe(200);
    expect(body.data.totals).toEqual({
      total: 3,
      destroys_data: 1,
      revokes_token: 2,
      irreversible: 3,
      effect_not_told: 0,
      also_ends: 0,
    });
    const effects = Object.fromEntries(
      body.data.accounts.map(({ ref, effect }: { ref: string; effect: object }) => [ref, effect]),
    );
    expect(effects['outfame:acc_aCme1Fit00']).toEqual({
      destroys_data: true,
      revokes_token: false,
      reversible: false,
    });
    expect(effects['octopost:acc_abc123']).toEqual({
      destroys_data: false,
      revokes_token: true,
      reversible: false,
    });
    expect(await Promise.all(refs.map(account))).toEqual(before);
    expect(provider('outfame').counts().requests).toBe(asked);
    expect((await gateway.root.get('/v1/disconnects')).body.data).toEqual([]);
  });

  test('is what a run by filter must match; a mismatch names what changed', async () => {
    const refs = [fresh(), fresh()];
    for (const ref of refs)
      await gateway.root.patch(`/v1/accounts/${encodeURIComponent(ref)}`, {
        labels: { leaving: 'yes' },
      });
    const filter = { label: { leaving: 'yes' } };
    expect((await post({ filter })).body).toMatchObject({
      code: 'validation_error',
      errors: [{ field: 'plan_hash' }],
    });
    const { plan_hash } = (await post({ filter, dry_run: true })).body.data;

    const late = fresh();
    await gateway.root.patch(`/v1/accounts/${encodeURIComponent(late)}`, {
      labels: { leaving: 'yes' },
    });
    await gateway.root.patch(`/v1/accounts/${encodeURIComponent(refs[0] ?? '')}`, {
      labels: { leaving: null },
    });
    const refused = await post({ filter, plan_hash });
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({
      code: 'plan_mismatch',
      errors: [
        { message: `${late} was added since the plan` },
        { message: `${refs[0]} was removed since the plan` },
      ],
    });
    expect((await post({ filter, plan_hash: 'made-up' })).body.code).toBe('plan_mismatch');

    const again = (await post({ filter, dry_run: true })).body.data;
    const accepted = await post(
      { filter, plan_hash: again.plan_hash, reason_code: 'offboarding' },
      { Prefer: 'wait=20' },
    );
    expect(accepted.status).toBe(200);
    expect(accepted.body.data).toMatchObject({
      state: 'succeeded',
      reason_code: 'offboarding',
      summary: { total: 2, succeeded: 2 },
    });
  });
});

describe('a run', () => {
  test('waits as preferred, and tells so', async () => {
    const asynchronous = await post({ account_ids: [fresh()] }, { Prefer: 'respond-async' });
    expect([asynchronous.status, asynchronous.headers.get('preference-applied')]).toEqual([
      202,
      'respond-async',
    ]);
    expect(asynchronous.headers.get('location')).toBe(
      `/v1/disconnects/${asynchronous.body.data.id}`,
    );
    const waiting = await post({ account_ids: [fresh()] }, { Prefer: 'wait=20' });
    expect([waiting.status, waiting.headers.get('preference-applied')]).toEqual([200, 'wait=20']);
  });

  test('looks and pauses before it deletes; each provider is asked to delete once', async () => {
    const ref = fresh();
    const id = ref.slice('outfame:'.length);
    const since = provider('outfame').traffic.requests;
    await post({ account_ids: [ref] }, { Prefer: 'wait=20' });
    const calls = provider('outfame')
      .traffic.after(since)
      .filter(
        ({ target, operation }) => target.includes(id) || operation === 'POST /engagement/pause',
      )
      .map(({ operation }) => operation);
    expect(calls).toEqual([
      'GET /accounts/{id}',
      'POST /engagement/pause',
      'GET /accounts/{id}',
      'DELETE /accounts/{id}',
      'GET /accounts/{id}',
    ]);
    expect(provider('outfame').counts().deletes[id]).toEqual({ calls: 1, effective: 1 });
  });

  test('is stopped by a final refusal: the provider’s code, the former status, and nothing left paused', async () => {
    const ref = fresh();
    const id = ref.slice('outfame:'.length);
    provider('outfame').faults.add({
      kind: 'forbidden',
      method: 'DELETE',
      path: `/accounts/${id}`,
      times: 1,
    });
    const { body } = await post({ account_ids: [ref] }, { Prefer: 'wait=20' });
    expect(body.data).toMatchObject({
      state: 'failed',
      steps: [{ state: 'failed', outcome: null, last_error: { code: 'permission_denied' } }],
    });
    expect(await account(ref)).toMatchObject({ status: 'active' });
    expect(provider('outfame').account(id)).toMatchObject({ status: 'active' });

    const retried = await gateway.root.post(`/v1/disconnects/${body.data.id}/retry`, undefined, {
      Prefer: 'wait=20',
    });
    expect(retried.body.data).toMatchObject({
      state: 'succeeded',
      steps: [{ outcome: 'disconnected', verified: 'absent' }],
    });
    expect((await gateway.root.post(`/v1/disconnects/${body.data.id}/retry`)).status).toBe(409);
  });

  test('waits for the connection’s key, and goes on when it is mended', async () => {
    const { client } = await gateway.newTeam('leaked');
    const team = (await client.get('/v1/whoami')).body.data.team.id;
    const connection = await gateway.connect('octopost', team);
    provider('octopost').setKey('rotated');
    const accepted = await client.post('/v1/disconnects', { account_ids: ['octopost:acc_def456'] });
    const step = async () =>
      (await client.get(`/v1/disconnects/${accepted.body.data.id}`)).body.data.steps[0];
    const failed = await waitFor('the step to fail', step, {
      until: ({ last_error }) => last_error !== null,
    });
    expect(failed).toMatchObject({
      last_error: { code: 'credential_rejected' },
      verified: 'pending',
    });
    const asRoot = { 'Rollcall-Team': team };
    await gateway.root.patch(
      `/v1/connections/${connection}`,
      { credentials: { api_key: 'rotated' } },
      asRoot,
    );
    expect(await finished(accepted.body.data.id, client)).toMatchObject({ state: 'succeeded' });
    provider('octopost').setKey(gateway.sandbox.provider('octopost').definition.defaultKey);
  });

  test('that is seen again later says so', async () => {
    const ref = fresh();
    const id = ref.slice('outfame:'.length);
    const { body } = await post({ account_ids: [ref] }, { Prefer: 'wait=20' });
    const connection = (await account(ref)).connection_id;
    provider('outfame').putAccount(id, {});
    await gateway.sweep(connection);
    expect(await account(ref)).toMatchObject({ status: 'paused', disconnected_at: null });
    const step = (await gateway.root.get(`/v1/disconnects/${body.data.id}`)).body.data.steps[0];
    expect(step.reappeared_at).toMatch(/Z$/);
    await gateway.settled();
    const events = (await gateway.root.get('/v1/events?type=account.reappeared')).body.data;
    expect(events).toHaveLength(1);
  });
});

describe('a scheduled disconnect', () => {
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

  test('leaves its accounts alone until it starts, and can be cancelled', async () => {
    const ref = fresh();
    const { status, body } = await post({ account_ids: [ref], scheduled_at: inAnHour() });
    expect(status).toBe(202);
    expect(body.data).toMatchObject({ state: 'scheduled', steps: [{ state: 'pending' }] });
    expect(await account(ref)).toMatchObject({ status: 'active' });
    const cancelled = await gateway.root.post(`/v1/disconnects/${body.data.id}/cancel`);
    expect(cancelled.body.data).toMatchObject({
      state: 'cancelled',
      summary: { cancelled: 1 },
      steps: [{ state: 'cancelled' }],
    });
    expect(await account(ref)).toMatchObject({ status: 'active' });
  });

  test('starts when its time has come', async () => {
    const ref = fresh();
    const { body } = await post({
      account_ids: [ref],
      scheduled_at: new Date(clock.now().getTime() + 60_000).toISOString(),
    });
    clock.advance(60_000);
    expect(await finished(body.data.id)).toMatchObject({ state: 'succeeded' });
  });

  test('cannot be undone once it is done, and cancel says so', async () => {
    const ref = fresh();
    const { body } = await post({ account_ids: [ref] }, { Prefer: 'wait=20' });
    const refused = await gateway.root.post(`/v1/disconnects/${body.data.id}/cancel`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'conflict', refs: [ref] } });
  });
});

describe('a receipt', () => {
  test('holds what the provider answered, and a signature that any change breaks', async () => {
    const { body } = await post({ account_ids: [fresh()] }, { Prefer: 'wait=20' });
    const { receipt, signature } = (
      await gateway.root.get(`/v1/disconnects/${body.data.id}/receipt`)
    ).body.data;
    expect(receipt.steps[0].evidence).toMatchObject([
      { call: 'look', outcome: 'present', status: 200 },
      { call: 'pause', outcome: 'done', status: 200 },
      { call: 'look', outcome: 'present', status: 200 },
      { call: 'delete', outcome: 'done', status: 200 },
      { call: 'verify', outcome: 'absent', status: 404, shape: 'not_found' },
    ]);
    const [key] = (await gateway.root.get('/.well-known/rollcall.json')).body.keys;
    expect(isSignedWith(receipt, signature.value, key)).toBe(true);
    expect(isSignedWith({ ...receipt, state: 'failed' }, signature.value, key)).toBe(false);
  });

  test('is there once the disconnect has finished', async () => {
    const { body } = await post({ account_ids: [fresh()], scheduled_at: '2999-01-01T00:00:00Z' });
    expect((await gateway.root.get(`/v1/disconnects/${body.data.id}/receipt`)).status).toBe(409);
  });
});

describe('the list', () => {
  test('pages and filters', async () => {
    const all = (await gateway.root.get('/v1/disconnects?limit=200&include_total=true')).body;
    const seen = await idsOf(gateway.root, '/v1/disconnects?limit=2');
    expect(seen).toEqual(all.data.map(({ id }: { id: string }) => id));
    expect(all.pagination.total_count).toBe(seen.length);
    const states = async (query: string) =>
      (await gateway.root.get(`/v1/disconnects?${query}`)).body.data.map(
        ({ state }: { state: string }) => state,
      );
    expect(new Set(await states('state=cancelled,scheduled'))).toEqual(
      new Set(['cancelled', 'scheduled']),
    );
    expect(await states('reason_code=offboarding')).toEqual(['succeeded']);
    expect(await states('requested_by=key_nobody')).toEqual([]);
    expect(await states('created_since=2999-01-01T00:00:00Z')).toEqual([]);
  });

  test('takes one statement, however many disconnects are on the page', async () => {
    const pool = jest.spyOn(gateway.database.pool, 'query');
    const statements = async (limit: number) => {
      pool.mockClear();
      const { body } = await gateway.root.get(`/v1/disconnects?limit=${limit}`);
      const texts = pool.mock.calls.map(([query]) =>
        typeof query === 'string' ? query : (query as { text: string }).text,
      );
      const about = texts.filter((text) => text.includes('FROM disconnects d'));
      return { rows: body.data.length, statements: about.length };
    };
    expect(await statements(1)).toEqual({ rows: 1, statements: 1 });
    const many = await statements(200);
    expect(many.statements).toBe(1);
    expect(many.rows).toBeGreaterThan(5);
    pool.mockRestore();
  });

  test('steps of one are paged too', async () => {
    const { body } = await post(
      { account_ids: [fresh(), fresh(), fresh()] },
      { Prefer: 'wait=20' },
    );
    const first = (
      await gateway.root.get(
        `/v1/disconnects/${body.data.id}/steps?limit=2&state=succeeded&include_total=true`,
      )
    ).body;
    expect([first.data.length, first.pagination.total_count, first.pagination.has_next]).toEqual([
      2,
      3,
      true,
    ]);
  });
});

describe('bad input', () => {
  const past = '2020-01-01T00:00:00Z';
  test.each([
    ['an empty list', { account_ids: [] }, 'account_ids'],
    ['nothing chosen', {}, ''],
    ['two choices', { account_ids: ['x'], filter: {} }, ''],
    ['an unknown id', { account_ids: ['acct_unknown'] }, 'account_ids.0'],
    [
      'an id given twice',
      { account_ids: ['outfame:acc_Cap1Case00', 'outfame:acc_Cap1Case00'] },
      'account_ids.1',
    ],
    [
      'a filter that matches none',
      { filter: { username: 'nobody_has_this' }, dry_run: true },
      'filter',
    ],
    ['an unknown filter', { filter: { colour: 'red' } }, 'filter.colour'],
    [
      'a start in the past',
      { account_ids: ['outfame:acc_Cap1Case00'], scheduled_at: past },
      'scheduled_at',
    ],
    [
      'a reason too long',
      { account_ids: ['outfame:acc_Cap1Case00'], reason_note: 'x'.repeat(1001) },
      'reason_note',
    ],
    [
      'an unknown reason',
      { account_ids: ['outfame:acc_Cap1Case00'], reason_code: 'why_not' },
      'reason_code',
    ],
  ])('%s', async (_name, body, field) => {
    const reply = await post(body);
    expect(reply.status).toBe(422);
    expect(reply.body.errors[0].field).toBe(field);
  });

  test('ids of another team are as if they did not exist', async () => {
    const { client } = await gateway.newTeam('stranger');
    const { id } = await account('outfame:acc_Cap1Case00');
    const messageFor = async (given: string) =>
      (await client.post('/v1/disconnects', { account_ids: [given] })).body.detail.replace(
        given,
        '',
      );
    expect(await messageFor(id)).toBe(await messageFor('acct_unknown'));
    expect(await account('outfame:acc_Cap1Case00')).toMatchObject({ status: 'active' });
  });
});
