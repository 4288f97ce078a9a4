import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { importAccounts } from '../../bench/health-load.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { until } from '../support/gateway-process.js';
import { shiftedClock } from '../support/manual-clock.js';

const ACCOUNTS = 10_000;
const HOUR_MS = 3_600_000;
const clock = shiftedClock();
let gateway: Gateway;
let connectionId: string;

beforeAll(async () => {
  gateway = await startGateway({ clock });
  connectionId = await gateway.connect('octopost');
  const owner = { id: connectionId, teamId: DEFAULT_TEAM_ID, provider: 'octopost' };
  await importAccounts(gateway.database, owner, ACCOUNTS, clock.now());
  // The provider lists but a few of them: no sweep but the test's own.
  await gateway.database.pool.query(`UPDATE connections SET next_sweep_at = '2100-01-01'`);
});
afterAll(() => gateway.stop());

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
  for (let turn = 0; turn < 3; turn++) await gateway.sweep(connectionId);
  await gateway.app.recurringJobs.runAll();
  clock.advance(24 * HOUR_MS);
  await gateway.app.recurringJobs.runAll();
  expect(await eventsSince(mark)).toEqual({ 'provider.incident_opened': 1 });
  const { state } = (await gateway.root.get('/v1/providers/octopost')).body.data;
  expect(state).toMatchObject({ status: 'down', incident: { id: expect.stringMatching(/^inc_/) } });
  expect(state.since).toBe(state.incident.opened_at);
  await gateway.settled();
  const { data } = (await gateway.root.get('/v1/events?type=provider.*')).body;
  expect(data[0].data.accounts).toBeGreaterThanOrEqual(ACCOUNTS);
  const held = (await gateway.root.get('/v1/accounts/octopost:acc_abc123')).body.data.health;
  expect(held).toMatchObject({ status: 'healthy', checked_at: expect.stringMatching(/Z$/) });

  gateway.sandbox.provider('octopost').faults.clear();
  let status = 0;
  while (status !== 200)
    status = (await gateway.root.post('/v1/accounts/octopost:acc_abc123/probe')).status;
  await gateway.app.recurringJobs.runAll();
  expect(await eventsSince(mark)).toEqual({ 'provider.incident_opened': 1 });
  clock.advance(2 * 60_000);
  await gateway.app.recurringJobs.runAll();
  await gateway.app.recurringJobs.runAll();
  expect(await eventsSince(mark)).toEqual({
    'provider.incident_opened': 1,
    'provider.incident_closed': 1,
  });

  // Silence without an outage is another matter: it is told account by account.
  gateway.sandbox.provider('octopost').faults.add({ kind: 'rate_limited', retry_after: 3_600 });
  clock.advance(4 * HOUR_MS);
  await until(async () => {
    await gateway.app.recurringJobs.runAll();
    return ((await eventsSince(mark))['account.health_changed'] ?? 0) >= ACCOUNTS;
  });
}, 60_000);
