import fc from 'fast-check';
import type { ProviderName } from '../../../sandbox/index.js';
import type { Reply } from '../../support/client.js';
import { type Gateway, startGateway } from '../../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../../support/jest.js';
import { makeDue, notYet } from '../../support/scheduled.js';
import { waitFor } from '../../support/wait.js';

/** A person's page and a company's, that one id may name one after the other. */
const JANE = {
  platform: 'linkedin',
  platform_user_id: 'urn:li:person:AAA',
  username: 'jane.personal',
  connected_at: '2026-03-01T10:00:00Z',
};
const HARBOR = { platform_user_id: 'urn:li:organization:99', username: 'harbor' };
const MINUTE_MS = 60_000;

let gateway: Gateway;
const connections = new Map<ProviderName, string>();
let taken = 0;

beforeAll(async () => {
  gateway = await startGateway({
    accounts: 100,
    disconnects: { firstDelayMs: 10, longestDelayMs: 40, pollMs: 50 },
  });
  for (const name of ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const)
    connections.set(name, await gateway.connect(name));
});
afterAll(() => gateway.stop());
beforeEach(() => {
  for (const name of connections.keys()) provider(name).faults.clear();
});

const provider = (name: ProviderName) => gateway.sandbox.provider(name);
const octopost = () => provider('octopost');
const sweep = (name: ProviderName) => gateway.sweep(connections.get(name) ?? '');

/** Accounts of Octopost that no other test uses, seen just now. */
async function held(...all: object[]): Promise<string[]> {
  const ids = all.map((fields) => {
    taken += 1;
    const id = `acc_identity${taken}`;
    octopost().putAccount(id, { ...JANE, ...fields });
    return id;
  });
  await sweep('octopost');
  return ids;
}
async function holdOne(fields: object = {}): Promise<string> {
  const [id = ''] = await held(fields);
  return id;
}

const refOf = (id: string, name: ProviderName = 'octopost') => `${name}:${id}`;
const account = async (id: string, name?: ProviderName) =>
  (await gateway.root.get(`/v1/accounts/${encodeURIComponent(refOf(id, name))}`)).body.data;
const post = (body: object) =>
  gateway.root.post('/v1/disconnects', body, { Prefer: 'respond-async' });
const begin = async (ids: readonly string[], more: object = {}, name?: ProviderName) =>
  (await post({ account_ids: ids.map((id) => refOf(id, name)), ...more })).body.data.id as string;
const get = async (id: string): Promise<Reply['body']> =>
  (await gateway.root.get(`/v1/disconnects/${id}`)).body.data;
const finished = (id: string) =>
  waitFor('the disconnect to finish', async () => {
    await gateway.app.recurringJobs.runAll();
    const disconnect = await get(id);
    return disconnect.finished_at !== null && disconnect;
  });
const tried = (id: string, attempts: number) =>
  waitFor(`attempt number ${attempts}`, async () => {
    const [step] = (await get(id)).steps;
    return step.attempts >= attempts && step;
  });
const callsOf = (step: Reply['body']) => step.evidence.map(({ call }: { call: string }) => call);

async function expectLeftAlone(disconnectId: string, id: string, code: string): Promise<void> {
  const { state, steps } = await finished(disconnectId);
  expect(state).toBe('failed');
  expect(steps[0]).toMatchObject({ state: 'failed', outcome: null, last_error: { code } });
  expect(octopost().counts().deletes[id]).toBeUndefined();
  expect(octopost().account(id)).toBeDefined();
  expect(await account(id)).toMatchObject({ status: 'active', disconnected_at: null });
}

describe('an id that names somebody else by now', () => {
  test('is left alone, however young the last look is', async () => {
    const id = await holdOne();
    octopost().putAccount(id, HARBOR);
    const disconnect = await begin([id]);
    await expectLeftAlone(disconnect, id, 'identity_changed');
    const [step] = (await get(disconnect)).steps;
    expect(step).toMatchObject({
      verified: 'unverifiable',
      identity: { ...JANE, connected_at: '2026-03-01T10:00:00.000Z' },
      evidence: [{ call: 'look', status: 200, shape: 'account', outcome: 'identity_changed' }],
    });
    expect(step.last_error.message).toContain('username was "jane.personal" and is "harbor"');
  });

  test('is left alone when the disconnect was scheduled, whatever sweeps saw meanwhile', async () => {
    const id = await holdOne();
    const disconnect = await begin([id], { scheduled_at: notYet() });
    octopost().putAccount(id, HARBOR);
    await sweep('octopost');
    await makeDue(gateway, disconnect);
    await expectLeftAlone(disconnect, id, 'identity_changed');
    expect(await account(id)).toMatchObject({ username: 'harbor' });
  });

  test('is left alone when a failed disconnect is tried again, as often as that is', async () => {
    const id = await holdOne();
    octopost().faults.add({
      kind: 'forbidden',
      method: 'DELETE',
      path: `/accounts/${id}`,
      times: 1,
    });
    const disconnect = await begin([id]);
    const refused = await finished(disconnect);
    expect(refused.steps[0].last_error.code).toBe('permission_denied');
    octopost().putAccount(id, HARBOR);
    for (let time = 0; time < 2; time++) {
      await gateway.root.post(`/v1/disconnects/${disconnect}/retry`);
      expect((await finished(disconnect)).steps[0].last_error.code).toBe('identity_changed');
    }
    expect(octopost().counts().deletes[id]).toEqual({ calls: 1, effective: 0 });
    expect(octopost().account(id)).toMatchObject(HARBOR);
  });

  test('is no account of the plan any more: a run by filter is refused and says why', async () => {
    const [id = '', other = ''] = await held({}, { username: 'plan.other' });
    for (const each of [id, other])
      await gateway.root.patch(`/v1/accounts/${refOf(each)}`, { labels: { plan: id } });
    const filter = { label: { plan: id } };
    const plan = (await post({ filter, dry_run: true })).body.data;
    expect(plan.accounts[0].identity).toMatchObject({ username: 'jane.personal' });
    octopost().putAccount(id, HARBOR);
    await sweep('octopost');
    const refused = await post({ filter, plan_hash: plan.plan_hash });
    expect(refused).toMatchObject({ status: 422, body: { code: 'plan_mismatch' } });
    expect(refused.body.errors).toEqual([
      {
        field: 'filter',
        message: `octopost:${id} has changed since the plan: platform_user_id was "urn:li:person:AAA" and is "urn:li:organization:99", username was "jane.personal" and is "harbor"`,
      },
    ]);
    expect([id, other].map((each) => octopost().counts().deletes[each])).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('gets the account’s delete in none of 200 tries with handles and ids given out again', async () => {
    const people = fc.record({
      username: fc.constantFrom('jane.personal', 'JANE.personal', 'harbor', 'x', ''),
      platform_user_id: fc.constantFrom('1', '2', '3', ''),
    });
    const changes = fc.record({
      before: people,
      after: fc.oneof(people, fc.constant(null)),
      isReconnected: fc.boolean(),
    });
    const tries = fc.sample(changes, { numRuns: 200, seed: 7 });
    const ids = await held(...tries.map(({ before }) => before));
    ids.forEach((id, index) => {
      const { after, isReconnected } = tries[index] as (typeof tries)[number];
      const connected_at = isReconnected ? '2026-04-01T00:00:00Z' : JANE.connected_at;
      if (after !== null) octopost().putAccount(id, { ...after, connected_at });
    });
    const { summary } = await finished(await begin(ids));
    expect(summary.pending).toBe(0);
    const wronglyDeleted = ids.filter((id, index) => {
      const { before, after, isReconnected } = tries[index] as (typeof tries)[number];
      if (octopost().account(id) !== undefined || after === null) return false;
      const hasBothIds = before.platform_user_id !== '' && after.platform_user_id !== '';
      const hasBothNames = before.username !== '' && after.username !== '';
      const isOther = hasBothIds
        ? before.platform_user_id !== after.platform_user_id
        : hasBothNames && before.username.toLowerCase() !== after.username.toLowerCase();
      return isOther || isReconnected;
    });
    expect(wronglyDeleted).toEqual([]);
    // What did not change went.
    const unchanged = ids.filter((_id, index) => tries[index]?.after === null);
    expect(unchanged.length).toBeGreaterThan(20);
    expect(unchanged.filter((id) => octopost().account(id) !== undefined)).toEqual([]);
  });

  test('between the pause and the delete is seen too, and nothing more is asked', async () => {
    const id = 'acc_S000000001';
    provider('outfame').faults.add({ kind: 'slow', path: '/engagement/pause', delay_ms: 300 });
    const since = provider('outfame').traffic.requests;
    const disconnect = await begin([id], {}, 'outfame');
    const writes = () =>
      provider('outfame')
        .traffic.after(since)
        .map(({ operation }) => operation)
        .filter((operation) => !operation.startsWith('GET'));
    await waitFor('the pause', () => writes().length > 0);
    provider('outfame').putAccount(id, { instagram_username: 'somebody_else' });
    const { steps } = await finished(disconnect);
    expect(steps[0]).toMatchObject({ state: 'failed', last_error: { code: 'identity_changed' } });
    expect(steps[0].last_error.message).toContain('may still be paused');
    expect(writes()).toEqual(['POST /engagement/pause']);
  });
});

describe('an account that was connected again', () => {
  test.each([
    ['2026-03-15T10:00:00+0000', '2026-03-20T10:00:00+0000'],
    ['2026-03-15T10:00:00+0200', '2026-03-15T10:00:00-0200'],
  ])('is left alone: %s, then %s', async (before, after) => {
    const id = await holdOne({ connected_at: before });
    const disconnect = await begin([id], { scheduled_at: notYet() });
    octopost().putAccount(id, { connected_at: after });
    await makeDue(gateway, disconnect);
    await expectLeftAlone(disconnect, id, 'reconnected');
  });

  test('after the delete was accepted is not said to be gone', async () => {
    const id = await holdOne();
    octopost().faults.add({ kind: 'slow', path: `/accounts/${id}`, after: 1, delay_ms: 300 });
    const disconnect = await begin([id]);
    await waitFor('the delete', () => octopost().account(id) === undefined);
    octopost().putAccount(id, { ...JANE, connected_at: new Date().toISOString() });
    const { steps } = await finished(disconnect);
    expect(steps[0]).toMatchObject({
      state: 'failed',
      verified: 'still_present',
      last_error: { code: 'reconnected' },
    });
    expect(octopost().counts().deletes[id]?.calls).toBe(1);
  });
});

describe('facts that cannot be compared', () => {
  test('are named, and leave the decision to the others', async () => {
    const [renamed = '', same = ''] = await held(
      { platform_user_id: '', connected_at: null },
      { platform_user_id: '', connected_at: null },
    );
    octopost().putAccount(renamed, { platform_user_id: '7', username: 'harbor' });
    octopost().putAccount(same, { platform_user_id: '7' });
    await expectLeftAlone(await begin([renamed]), renamed, 'identity_changed');
    const { id } = await finished(await begin([same]));
    const { receipt } = (await gateway.root.get(`/v1/disconnects/${id}/receipt`)).body.data;
    expect(receipt.steps[0]).toMatchObject({
      state: 'succeeded',
      identity: { platform_user_id: null, connected_at: null },
      not_compared: ['platform_user_id', 'connected_at'],
    });
  });

  test('are all there is of a provider that only lists: a look will do for a minute', async () => {
    const [first = '', second = ''] = ['instagram/1784140001', 'instagram/1784140002'];
    for (const id of [first, second])
      provider('socialsyncer').putAccount(id, { connectedAt: JANE.connected_at });
    await sweep('socialsyncer');
    const young = await finished(await begin([first], {}, 'socialsyncer'));
    expect(callsOf(young.steps[0])).toEqual(['delete', 'verify', 'verify']);
    expect(young.steps[0].not_compared).toBeNull();

    const aged = new Date(Date.now() - MINUTE_MS - 1000);
    await gateway.database.pool.query('UPDATE connections SET swept_at = $1 WHERE provider = $2', [
      aged,
      'socialsyncer',
    ]);
    await gateway.database.pool.query(
      'UPDATE accounts SET checked_at = $1 WHERE provider_account_id = $2',
      [aged, second],
    );
    const old = await finished(await begin([second], {}, 'socialsyncer'));
    expect(callsOf(old.steps[0])).toEqual(['look', 'look', 'delete', 'verify', 'verify']);
    expect(old.steps[0].not_compared).toEqual([]);
  });
});

describe('answers that prove nothing', () => {
  test('to the look before the delete: it is made again, and nothing is deleted until then', async () => {
    const id = await holdOne();
    const path = `/accounts/${id}`;
    octopost().faults.add({ kind: 'html', method: 'GET', path, status: 404 });
    const disconnect = await begin([id]);
    expect(await tried(disconnect, 3)).toMatchObject({ outcome: null, verified: 'pending' });
    expect(octopost().counts().deletes[id]).toBeUndefined();
    expect(await account(id)).toMatchObject({ status: 'disconnecting' });
    octopost().faults.clear();
    expect((await finished(disconnect)).steps[0]).toMatchObject({
      outcome: 'disconnected',
      verified: 'absent',
    });
  });

  test.each([
    ['a refusal', { kind: 'forbidden' }],
    ['a page', { kind: 'html', status: 404 }],
    ['a page under 200', { kind: 'html', status: 200 }],
  ] as const)(
    'to the look after it: %s leaves it unverifiable until a look shows it',
    async (_what, fault) => {
      const id = await holdOne();
      octopost().faults.add({ ...fault, method: 'GET', path: `/accounts/${id}`, after: 1 });
      octopost().faults.add({ ...fault, method: 'GET', path: '/accounts' });
      const disconnect = await begin([id]);
      const waiting = await waitFor('a look that shows nothing', async () => {
        const [step] = (await get(disconnect)).steps;
        return step.verified === 'unverifiable' && step;
      });
      expect(waiting).toMatchObject({ outcome: null, verified_at: null });
      expect((await account(id)).status).toBe('disconnecting');
      octopost().faults.clear();
      expect((await finished(disconnect)).steps[0]).toMatchObject({ verified: 'absent' });
      expect(octopost().counts().deletes[id]?.calls).toBe(1);
    },
  );

  test.each([
    ['HTML under 200', { kind: 'html', status: 200 }],
    ['HTML under 404', { kind: 'html', status: 404 }],
    ['half an answer', { kind: 'truncated' }],
  ] as const)('to the delete itself: %s is looked into and tried again', async (_what, fault) => {
    const id = await holdOne();
    octopost().faults.add({ ...fault, method: 'DELETE', path: `/accounts/${id}`, times: 1 });
    const { steps } = await finished(await begin([id]));
    expect(steps[0]).toMatchObject({ outcome: 'disconnected', verified: 'absent' });
    expect(octopost().counts().deletes[id]?.effective).toBe(1);
    expect(callsOf(steps[0]).slice(0, 3)).toEqual(['look', 'delete', 'look']);
  });
});

describe('what a delete that did nothing leaves behind', () => {
  test('a provider that knows no such account and still shows it is asked again', async () => {
    const id = await holdOne();
    const path = `/accounts/${id}`;
    octopost().faults.add({ kind: 'not_found', method: 'DELETE', path, times: 2 });
    const disconnect = await begin([id]);
    await tried(disconnect, 2);
    expect((await account(id)).status).toBe('disconnecting');
    const { steps } = await finished(disconnect);
    expect(steps[0]).toMatchObject({ outcome: 'disconnected', verified: 'absent' });
    expect(callsOf(steps[0]).slice(0, 4)).toEqual(['look', 'delete', 'verify', 'look']);
    expect(octopost().counts().deletes[id]).toEqual({ calls: 3, effective: 1 });
  });

  test('an account that somebody else removed was already gone', async () => {
    const id = await holdOne();
    const path = `/accounts/${id}`;
    octopost().faults.add({ kind: 'rate_limited', method: 'DELETE', path, retry_after: 1 });
    const disconnect = await begin([id]);
    await waitFor('the refusal of the delete', async () => {
      const [step] = (await get(disconnect)).steps;
      return step.last_error?.code === 'rate_limited';
    });
    octopost().removeAccount(id);
    octopost().faults.clear();
    expect((await finished(disconnect)).steps[0]).toMatchObject({
      outcome: 'already_gone',
      verified: 'absent',
    });
  });
});

test('answers that a former release recorded are shown without a shape', async () => {
  const { id } = await finished(await begin([await holdOne()]));
  await gateway.database.pool.query(
    `UPDATE disconnect_steps SET platform_user_id = NULL, seen_at = NULL, not_compared = NULL,
       answers = (SELECT jsonb_agg(entry - 'shape') FROM jsonb_array_elements(answers) AS entry)
     WHERE disconnect_id = $1`,
    [id],
  );
  const { receipt } = (await gateway.root.get(`/v1/disconnects/${id}/receipt`)).body.data;
  expect(receipt.steps[0]).toMatchObject({
    identity: { platform_user_id: null, username: 'jane.personal' },
    not_compared: null,
    evidence: [{ shape: null }, { call: 'delete', status: 204, shape: null }, { shape: null }],
  });
});
