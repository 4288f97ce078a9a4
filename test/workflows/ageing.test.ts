import { BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { passTime } from '../support/pass-time.js';
import { waitFor } from '../support/wait.js';

const INTERVAL_SECONDS = 300;
const INTERVAL_MS = INTERVAL_SECONDS * 1000;

const clock = shiftedClock(0.5);
let gateway: Gateway;
let outfame: string;
beforeAll(async () => {
  gateway = await startGateway({ clock, sweepIntervalSeconds: INTERVAL_SECONDS, policies: BRISK });
  outfame = await gateway.connect('outfame');
  await gateway.connect('octopost');
});
afterAll(() => gateway.stop());

const account = async (reference: string) =>
  (await gateway.root.get(`/v1/accounts/${reference}`)).body.data;
const verdict = async (reference: string) => {
  const { status, health } = await account(reference);
  return [status, health.status, health.reason, health.fault];
};
const pass = (intervals: number) => passTime(clock, gateway.app, intervals * INTERVAL_MS);
/** What a replica does every few seconds, and the sweeps that it begins. */
const reconcile = async () => {
  await gateway.app.recurringJobs.runAll();
  await waitFor(
    'every sweep to finish',
    () => gateway.database.prisma.sweep.count({ where: { finishedAt: null } }),
    { until: (count) => count === 0 },
  );
  await gateway.app.recurringJobs.runAll();
};

test('a verdict stands through failed looks, its age told, until three intervals have passed; then it is unknown, and heals by itself', async () => {
  const ACTIVE = 'outfame:acc_7Gx2kLm9Qr';
  const PAUSED = 'outfame:acc_Pau1Sed000';
  const before = await account(ACTIVE);
  expect(before.health).toMatchObject({ status: 'healthy', reason: null, fault: null });
  // No outage, in which verdicts hold for as long as it lasts: the provider works and tells us
  // nothing. It asks for a longer wait than any call has time for, so that none is tried again.
  gateway.sandbox
    .provider('outfame')
    .faults.add({ kind: 'rate_limited', retry_after: INTERVAL_SECONDS });

  const probed = await gateway.root.post(`/v1/accounts/${ACTIVE}/probe`);
  expect(probed).toMatchObject({
    status: 503,
    body: { code: 'provider_unavailable', provider: { code: 'rate_limit_exceeded' } },
  });
  expect((await gateway.sweep(outfame)).state).toBe('failed');
  expect(await account(ACTIVE)).toEqual(before);

  // Each interval a look fails.
  for (const part of [1.2, 1.2, 0.5]) {
    await pass(part);
    await reconcile();
  }
  expect(await account(ACTIVE)).toEqual(before);
  expect(await verdict('octopost:acc_abc123')).toEqual(['active', 'healthy', null, null]);

  await pass(0.2);
  await reconcile();
  expect(await verdict(ACTIVE)).toEqual(['active', 'unknown', 'provider_unreachable', 'provider']);
  expect(await verdict(PAUSED)).toEqual(['paused', 'unknown', 'provider_unreachable', 'provider']);
  expect((await account(ACTIVE)).health.checked_at).toBe(before.health.checked_at);
  expect(await verdict('octopost:acc_abc123')).toEqual(['active', 'healthy', null, null]);
  expect(
    (await gateway.root.get('/v1/accounts/health?provider=outfame')).body.summary,
  ).toMatchObject({ total: 12, unknown: 12 });

  gateway.sandbox.provider('outfame').faults.clear();
  await pass(1.2);
  await waitFor(
    'the circuit to let a call through',
    async () => (await gateway.root.get('/v1/providers/outfame')).body.data.state.circuit,
    { until: (circuit) => circuit !== 'open' },
  );
  await reconcile();
  expect(await verdict(ACTIVE)).toEqual(['active', 'healthy', null, null]);
  expect(await verdict(PAUSED)).toEqual(['paused', 'warning', 'account_paused', 'account']);

  const { body } = await gateway.root.get(`/v1/accounts/${ACTIVE}/health`);
  const told = body.data.history.map(
    ({ from, to, reason }: { from: string; to: string; reason: string }) => [from, to, reason],
  );
  expect(told.slice(0, 2)).toEqual([
    ['unknown', 'healthy', null],
    ['healthy', 'unknown', 'provider_unreachable'],
  ]);
  expect(body.data.uptime['24h']).toBe(100);
});

test('each connection is swept when its interval is over, give or take a tenth, and not before', async () => {
  await reconcile();
  const count = () => gateway.database.prisma.sweep.count({ where: { connectionId: outfame } });
  const before = await count();
  await pass(0.85);
  await reconcile();
  expect(await count()).toBe(before);
  await pass(0.3);
  await reconcile();
  expect(await count()).toBe(before + 1);
});

test('a check of hours ago on an account that one sweep after another cannot read grows old like any other', async () => {
  gateway.sandbox.provider('octopost').putAccount('acc_def456', { id: null });
  for (let turn = 0; turn < 4; turn++) {
    await pass(1.2);
    await reconcile();
  }
  expect(await verdict('octopost:acc_def456')).toEqual([
    'active',
    'unknown',
    'provider_unreachable',
    'provider',
  ]);
  expect(await verdict('octopost:acc_abc123')).toEqual(['active', 'healthy', null, null]);
});

test('a shorter interval has verdicts age by it from then on', async () => {
  const CHECKED = 'outfame:acc_7Gx2kLm9Qr';
  await gateway.sweep(outfame);
  gateway.sandbox.provider('outfame').faults.add({ kind: 'rate_limited', retry_after: 1 });
  await pass(0.5);
  await reconcile();
  expect(await verdict(CHECKED)).toEqual(['active', 'healthy', null, null]);
  const shorter = { sweep_interval_seconds: INTERVAL_SECONDS / 10 };
  expect((await gateway.root.patch(`/v1/connections/${outfame}`, shorter)).status).toBe(200);
  // Silence counts from the first look that failed.
  for (let turn = 0; turn < 5; turn++) {
    await pass(0.11);
    await reconcile();
  }
  expect(await verdict(CHECKED)).toEqual(['active', 'unknown', 'provider_unreachable', 'provider']);
});

test('an outage that a process knows of from the database alone is over once its own calls succeed', async () => {
  const now = clock.now();
  const incident = await gateway.database.prisma.providerIncident.create({
    data: {
      id: 'inc_before',
      site: `octopost ${new URL(gateway.sandbox.baseUrl('octopost')).origin}`,
      openedAt: now,
      lastFailureAt: now,
      accounts: 0,
    },
  });
  clock.advance(61_000);
  await gateway.sweep(await gateway.connect('octopost'));
  await reconcile();
  const { closedAt } = await gateway.database.prisma.providerIncident.findUniqueOrThrow({
    where: { id: incident.id },
  });
  expect(closedAt).not.toBeNull();
});
