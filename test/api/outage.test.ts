import { importAccounts } from '../../bench/health-load.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { passTime } from '../support/pass-time.js';
import { waitFor } from '../support/wait.js';

const ACCOUNTS = 10_000;
const HOUR_MS = 3_600_000;
const INTERVAL_SECONDS = 300;
// What takes long on a busy machine is no time without a gateway.
const clock = shiftedClock(0.1);
let gateway: Gateway;
let connectionId: string;

beforeAll(async () => {
  gateway = await startGateway({ clock, sweepIntervalSeconds: INTERVAL_SECONDS });
  connectionId = await gateway.connect('octopost');
  const owner = { id: connectionId, teamId: DEFAULT_TEAM_ID, provider: 'octopost' };
  await importAccounts(gateway.database, owner, ACCOUNTS, clock.now());
  await noteRunning();
});
afterAll(() => gateway.stop());

const PROBE = '/v1/accounts/octopost:acc_abc123/probe';
const octopost = async () => (await gateway.root.get('/v1/providers/octopost')).body.data.state;
const noteRunning = () => gateway.app.recurringJobs.runNamed('health.note_running');
const failingSweep = async () => {
  await gateway.sweep(connectionId);
  await noteRunning();
  // Each plans the next one, and the test wants none but its own: they would come when it says that
  // the provider works again, or earlier, as the machine is busy or not.
  await gateway.database.pool.query(`UPDATE connections SET next_sweep_at = '2100-01-01'`);
};

/** How many events of each type there were since a mark in the feed. */
async function eventsSince(id: string): Promise<Record<string, number>> {
  const { rows } = await gateway.database.pool.query(
    'SELECT type, count(*)::int AS total FROM events WHERE id > $1 GROUP BY 1',
    [id],
  );
  return Object.fromEntries(rows.map(({ type, total }) => [type, total]));
}

test(`an outage of a provider with ${ACCOUNTS} accounts is one event, its end another, and no account's`, async () => {
  const { rows } = await gateway.database.pool.query<{ id: string }>(
    'SELECT max(id) AS id FROM events',
  );
  const mark = rows[0]?.id ?? '';

  gateway.sandbox.provider('octopost').faults.add({ kind: 'down' });
  for (let turn = 0; turn < 3; turn++) await failingSweep();
  await gateway.app.recurringJobs.runAll();
  await passTime(clock, gateway.app, HOUR_MS);
  const laterOn = clock.now().toISOString();
  // An open circuit refuses by itself, and that is no failure of the provider.
  const fail = async () => {
    await gateway.root.post(PROBE);
    return (await octopost()).last_failure_at;
  };
  await waitFor('the provider to fail an hour later', fail, {
    everyMs: 50,
    until: (at) => at > laterOn,
  });
  await gateway.app.recurringJobs.runAll();
  expect(await eventsSince(mark)).toEqual({ 'provider.incident_opened': 1 });
  const state = await octopost();
  expect(state).toMatchObject({ status: 'down', incident: { id: expect.stringMatching(/^inc_/) } });
  expect(state.since).toBe(state.incident.opened_at);
  expect(state.incidents).toEqual([{ ...state.incident, closed_at: null }]);
  await gateway.settled();
  const { data } = (await gateway.root.get('/v1/events?type=provider.*')).body;
  expect(data[0].data.accounts).toBeGreaterThanOrEqual(ACCOUNTS);
  const held = (await gateway.root.get('/v1/accounts/octopost:acc_abc123')).body.data.health;
  expect(held).toMatchObject({ status: 'healthy', checked_at: expect.stringMatching(/Z$/) });

  gateway.sandbox.provider('octopost').faults.clear();
  await waitFor('a probe to be let through', async () => (await gateway.root.post(PROBE)).status, {
    everyMs: 50,
    until: (status) => status === 200,
  });
  await gateway.app.recurringJobs.runAll();
  expect(await eventsSince(mark)).toEqual({ 'provider.incident_opened': 1 });
  await passTime(clock, gateway.app, 2 * 60_000);
  await gateway.app.recurringJobs.runAll();
  await gateway.app.recurringJobs.runAll();
  expect(await eventsSince(mark)).toEqual({
    'provider.incident_opened': 1,
    'provider.incident_closed': 1,
  });
  const after = await octopost();
  expect([after.incident, after.incidents]).toEqual([
    null,
    [{ ...state.incident, closed_at: expect.stringMatching(/Z$/) }],
  ]);

  // Silence without an outage is another matter: it is told account by account.
  gateway.sandbox.provider('octopost').faults.add({ kind: 'rate_limited', retry_after: 3_600 });
  for (let interval = 0; interval < 4; interval++) {
    await failingSweep();
    await passTime(clock, gateway.app, INTERVAL_SECONDS * 1000);
  }
  const age = async () => {
    await gateway.app.recurringJobs.runAll();
    return (await eventsSince(mark))['account.health_changed'] ?? 0;
  };
  await waitFor('every account to be told', age, { until: (count) => count >= ACCOUNTS });
});
