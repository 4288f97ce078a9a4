import { ageVerdicts } from '../../src/health/aging.js';
import { systemClock } from '../../src/lib/clock.js';
import { createRegistry } from '../../src/providers/registry.js';
import { type EndlessProvider, startEndlessProvider } from '../support/endless-provider.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** Whoever pauses a connection has its provider asked nothing more, whatever is under way. */
let gateway: Gateway;
let endless: EndlessProvider;
beforeAll(async () => {
  [gateway, endless] = await Promise.all([startGateway(), startEndlessProvider({ latencyMs: 50 })]);
});
afterAll(async () => {
  await gateway.stop();
  endless.stop();
});

async function connectEndless(key: string): Promise<string> {
  const { body } = await gateway.root.post('/v1/connections', {
    provider: 'outfame',
    name: key,
    credentials: { api_key: key },
    base_url: endless.url,
    verify: false,
  });
  return body.data.id;
}
const pause = (id: string, paused = true) =>
  gateway.root.patch(`/v1/connections/${id}`, { paused });
const asked = (key: string) => endless.askedWith(key).length;
const lastSweep = async (id: string) =>
  (await gateway.root.get(`/v1/connections/${id}/sweeps`)).body.data[0];

test('its sweep ends at once, and there is no other until it goes on', async () => {
  const id = await connectEndless('walked');
  await waitFor('the walk', () => asked('walked') > 2);
  expect(await pause(id)).toMatchObject({
    status: 200,
    body: { data: { id, paused: true, state: 'active' } },
  });
  const then = asked('walked');
  expect(await lastSweep(id)).toMatchObject({
    state: 'failed',
    error: { code: 'connection_paused' },
  });
  const refused = await gateway.root.post(`/v1/connections/${id}/sweep`);
  expect([refused.status, refused.body.code]).toEqual([409, 'conflict']);
  expect(refused.body.detail).toContain('"paused": false');
  // It is due by far, and another key does not change that it is paused.
  await gateway.database.prisma.connection.update({
    where: { id },
    data: { nextSweepAt: new Date(0) },
  });
  const change = { credentials: { api_key: 'walked_too' }, verify: false };
  expect((await gateway.root.patch(`/v1/connections/${id}`, change)).body.data.paused).toBe(true);
  await gateway.app.recurringJobs.runNamed('sweeps.schedule');
  expect((await lastSweep(id)).state).toBe('failed');
  expect([asked('walked'), asked('walked_too')]).toEqual([then, 0]);

  expect((await pause(id, false)).body.data.paused).toBe(false);
  await gateway.app.recurringJobs.runNamed('sweeps.schedule');
  await waitFor('it to be swept again', () => asked('walked_too') > 0);
  expect((await gateway.root.delete(`/v1/connections/${id}`)).status).toBe(204);
  const { data } = (await gateway.root.get('/v1/audit?action=connection.changed')).body;
  const told = data.map(({ after }: { after: { paused: boolean } }) => after.paused);
  expect(told).toEqual(expect.arrayContaining([true, false]));
});

/** As the replica that was told to writes it; the sweep of this one notices by its lease. */
async function pauseElsewhere(id: string): Promise<void> {
  await gateway.database.pool.query(
    `WITH paused AS (UPDATE connections SET paused = true WHERE id = $1)
     UPDATE sweeps SET state = 'failed', leased_by = NULL WHERE connection_id = $1 AND state = 'running'`,
    [id],
  );
}

test('what another replica asks for it ends, too', async () => {
  const id = await connectEndless('elsewhere');
  await waitFor('the walk', () => asked('elsewhere') > 2);
  await pauseElsewhere(id);
  await waitFor('the walk to end', async () => {
    const before = asked('elsewhere');
    await systemClock.sleep(10 * endless.settings.latencyMs);
    return asked('elsewhere') === before;
  });
});

test.each([
  ['here', 'probed', pause],
  [
    'by another replica',
    'probed_too',
    async (id: string) => {
      await pauseElsewhere(id);
      await gateway.app.recurringJobs.runNamed('connections.abort_calls');
    },
  ],
])(
  'paused %s, a probe that is under way is ended, and what needs the provider is refused',
  async (_where, key, pauseIt) => {
    Object.assign(endless.settings, { pages: 1, latencyMs: 10 });
    const id = await connectEndless(key);
    await waitFor('its sweep', async () => (await lastSweep(id))?.finished_at != null);
    const [account] = (await gateway.root.get(`/v1/accounts?connection_id=${id}`)).body.data;
    const address = `/v1/accounts/${account.id}`;
    endless.settings.latencyMs = 3_600_000;
    const before = asked(key);
    const probe = gateway.root.post(`${address}/probe`);
    await waitFor('the probe to be on its way', () => asked(key) > before);
    await pauseIt(id);
    const replies = [
      await probe,
      await gateway.root.post(`${address}/probe`),
      await gateway.root.post(`${address}/pause`),
      await gateway.root.patch(address, { settings: { targeting_config: {} } }),
      await gateway.root.get(`${address}/stats`),
      await gateway.root.post('/v1/accounts', {
        connection_id: id,
        platform: 'instagram',
        username: 'somebody',
      }),
    ];
    for (const { status, body } of replies) {
      expect([status, body.code]).toEqual([409, 'conflict']);
      expect(body.detail).toContain('is paused');
    }
    expect(asked(key)).toBe(before + 1);
    expect((await gateway.root.get(address)).status).toBe(200);
    expect((await gateway.root.patch(address, { labels: { a: 'b' } })).status).toBe(200);
  },
);

test('disconnects wait for its end, and can be cancelled meanwhile', async () => {
  const id = await gateway.connect('outfame');
  const provider = gateway.sandbox.provider('outfame');
  const { data } = (await gateway.root.get(`/v1/accounts?connection_id=${id}&status=active`)).body;
  const [first, second] = data;
  await pause(id);
  const requests = provider.counts().requests;
  const async = { Prefer: 'respond-async' };
  const waiting = await gateway.root.delete(`/v1/accounts/${first.id}`, async);
  const other = await gateway.root.delete(`/v1/accounts/${second.id}`, async);
  expect([waiting.status, other.status]).toEqual([202, 202]);
  const address = `/v1/disconnects/${waiting.body.data.id}`;
  const cancelled = await gateway.root.post(`/v1/disconnects/${other.body.data.id}/cancel`);
  expect(cancelled.body.data.state).toBe('cancelled');
  // A disconnect at another connection is through by then.
  const octopost = await gateway.connect('octopost');
  const [there] = (await gateway.root.get(`/v1/accounts?connection_id=${octopost}&status=active`))
    .body.data;
  expect((await gateway.root.delete(`/v1/accounts/${there.id}`)).body.data.state).toBe('succeeded');
  expect((await gateway.root.get(address)).body.data).toMatchObject({
    state: 'running',
    steps: [{ state: 'pending', attempts: 0 }],
  });
  expect(provider.counts().requests).toBe(requests);
  const metrics = (await gateway.root.get('/metrics')).text;
  expect(metrics).toMatch(/rollcall_work_due\{kind="disconnect_steps"\} 0/);

  await pause(id, false);
  await waitFor(
    'the disconnect to succeed',
    async () => (await gateway.root.get(address)).body.data.state,
    { until: (state) => state === 'succeeded' },
  );
});

test('its accounts age to unknown, and say why', async () => {
  const id = await gateway.connect('creatoraudit');
  await pause(id);
  const inFiveIntervals = new Date(Date.now() + 5 * 3_600_000);
  const age = {
    outages: [],
    runningSince: new Date(0),
    opensIncident: async () => false,
  };
  await ageVerdicts(gateway.database, createRegistry(), age, inFiveIntervals);
  const { data } = (await gateway.root.get(`/v1/accounts?connection_id=${id}`)).body;
  expect(data.length).toBeGreaterThan(0);
  for (const { health } of data) {
    expect(health).toMatchObject({ status: 'unknown', reason: 'not_checked', next_step: 'retry' });
    expect(health.recommendations[0].message).toContain('The connection is paused');
  }
});

test('a new key is verified all the same, unless nobody asks for that', async () => {
  Object.assign(endless.settings, { pages: 1, latencyMs: 10 });
  const id = await connectEndless('before_pause');
  await waitFor('its sweep', async () => (await lastSweep(id))?.finished_at != null);
  await pause(id);
  const change = (key: string, verify: boolean) =>
    gateway.root.patch(`/v1/connections/${id}`, { credentials: { api_key: key }, verify });
  expect((await change('unverified', false)).body.data.paused).toBe(true);
  expect(asked('unverified')).toBe(0);
  expect((await change('verified', true)).body.data.paused).toBe(true);
  await gateway.app.recurringJobs.runNamed('sweeps.schedule');
  expect(asked('verified')).toBe(1);
  expect((await gateway.root.delete(`/v1/connections/${id}`)).status).toBe(204);
});
