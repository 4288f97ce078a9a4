import type { AppSettings } from '../../../src/app.js';
import { type Clock, systemClock } from '../../../src/lib/clock.js';
import { type Gateway, startGateway } from '../../support/gateway.js';
import { afterEach, describe, expect, test } from '../../support/jest.js';
import { shiftedClock } from '../../support/manual-clock.js';
import { makeDue, notYet } from '../../support/scheduled.js';
import { waitFor } from '../../support/wait.js';

const ID = 'acc_aCme1Fit00';
const REF = `outfame:${ID}`;
const HOUR_MS = 3_600_000;
let gateway: Gateway;

afterEach(() => gateway.stop());

async function start(disconnects: AppSettings['disconnects'], clock: Clock = systemClock) {
  gateway = await startGateway({
    clock,
    disconnects: { firstDelayMs: 10, longestDelayMs: 50, ...disconnects },
  });
  await gateway.connect('outfame');
  return gateway.sandbox.provider('outfame');
}

const account = async () => (await gateway.root.get(`/v1/accounts/${REF}`)).body.data;

const disconnect = async (id: string) =>
  (await gateway.root.get(`/v1/disconnects/${id}`)).body.data;

describe('an account that the provider still shows after it said yes', () => {
  test('is no success until it is gone', async () => {
    const outfame = await start({});
    outfame.faults.add({
      kind: 'slow',
      method: 'GET',
      path: `/accounts/${ID}`,
      delay_ms: 1_500,
      // It is looked at twice before the delete; the third look is still under way when it is put back.
      times: 3,
    });
    const { body } = await gateway.root.post('/v1/disconnects', { account_ids: [REF] });
    await waitFor('the provider to delete it', () => outfame.account(ID) === undefined);
    outfame.putAccount(ID, {});
    const firstStep = async () => (await disconnect(body.data.id)).steps[0];
    const waiting = await waitFor('a look that finds it', firstStep, {
      until: ({ verified }) => verified === 'still_present',
    });
    expect(waiting).toMatchObject({ outcome: null, last_error: { code: 'still_present' } });
    expect(await account()).toMatchObject({ status: 'disconnecting' });
    outfame.removeAccount(ID);
    const done = await waitFor('the step to succeed', firstStep, {
      until: ({ state }) => state === 'succeeded',
    });
    expect(done).toMatchObject({ verified: 'absent', outcome: 'disconnected' });
    expect(outfame.counts().deletes[ID]?.calls).toBe(1);
  });
});

describe('a provider that does not come back', () => {
  test('ends the step when its time is over; the account gets its status back and is not left paused', async () => {
    const clock = shiftedClock();
    const outfame = await start({ keepsTryingMs: HOUR_MS }, clock);
    outfame.faults.add({ kind: 'server_error', method: 'DELETE' });
    const { body } = await gateway.root.post(
      '/v1/disconnects',
      { account_ids: [REF] },
      { Prefer: 'respond-async' },
    );
    const look = () => disconnect(body.data.id);
    await waitFor('a second attempt', look, { until: ({ steps }) => steps[0].attempts > 1 });
    clock.advance(HOUR_MS);
    const ended = await waitFor('the disconnect to end', look, {
      until: ({ finished_at }) => finished_at !== null,
    });
    expect(ended).toMatchObject({
      state: 'failed',
      steps: [{ state: 'failed', last_error: { code: 'server_error' } }],
    });
    expect(await account()).toMatchObject({ status: 'active' });
    expect(outfame.account(ID)).toMatchObject({ status: 'active' });
  });

  test('holds up no other', async () => {
    const outfame = await start({ firstDelayMs: 60_000, longestDelayMs: 60_000 });
    await gateway.connect('octopost');
    outfame.faults.add({ kind: 'hang' });
    const accounts = ['outfame:acc_aCme1Fit00', 'octopost:acc_abc123', 'octopost:acc_def456'];
    const { body } = await gateway.root.post('/v1/disconnects', { account_ids: accounts });
    await waitFor('the other two', async () => (await disconnect(body.data.id)).summary, {
      until: ({ succeeded }) => succeeded === 2,
    });
    expect(await account()).toMatchObject({ status: 'disconnecting' });
  });
});

describe('what is over its time', () => {
  test('is forgotten: the finished disconnect and the tombstone, and nothing younger', async () => {
    await start({ retentionDays: 365 });
    const { body } = await gateway.root.post(
      '/v1/disconnects',
      { account_ids: [REF] },
      { Prefer: 'wait=20' },
    );
    const get = async () => [
      (await gateway.root.get(`/v1/disconnects/${body.data.id}`)).status,
      (await gateway.root.get(`/v1/accounts/${REF}`)).status,
    ];
    const age = async (days: number) => {
      await gateway.database.pool.query(
        `UPDATE disconnects SET finished_at = now() - make_interval(days => $1)`,
        [days],
      );
      await gateway.database.pool.query(
        `UPDATE accounts SET disconnected_at = now() - make_interval(days => $1) WHERE status = 'disconnected'`,
        [days],
      );
      await gateway.app.recurringJobs.runAll();
    };
    await age(364);
    expect(await get()).toEqual([200, 200]);
    await age(366);
    expect(await get()).toEqual([404, 404]);
  });

  test('is kept while a scheduled disconnect waits for it, which ends when its time comes', async () => {
    const outfame = await start({ retentionDays: 365 });
    const { body } = await gateway.root.post('/v1/disconnects', {
      account_ids: [REF],
      scheduled_at: notYet(),
    });
    outfame.removeAccount(ID);
    await gateway.root.post(`/v1/accounts/${REF}/probe`);
    await gateway.database.pool.query(
      `UPDATE accounts SET disconnected_at = now() - interval '400 days' WHERE status = 'disconnected'`,
    );
    await gateway.app.recurringJobs.runAll();
    expect(await account()).toMatchObject({ status: 'disconnected' });
    await makeDue(gateway, body.data.id);
    const ended = await waitFor('the disconnect to end', async () => {
      await gateway.app.recurringJobs.runAll();
      const now = await disconnect(body.data.id);
      return now.finished_at !== null && now;
    });
    expect(ended.steps[0]).toMatchObject({ state: 'succeeded', outcome: 'already_gone' });
  });
});
