import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';
import { RowsTeam } from '../support/rows-team.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Twenty minutes past an hour, early in a day. */
const BEGIN = Date.parse('2026-03-03T02:20:00Z');

let clock: ManualClock;
let gateway: Gateway;
let team: RowsTeam;
beforeAll(async () => {
  clock = manualClock(BEGIN);
  gateway = await startGateway({ clock });
});
afterAll(() => gateway.stop());
beforeEach(async () => {
  team = await RowsTeam.begin(gateway, () => clock.now());
});

const note = () => gateway.app.recurringJobs.runNamed('health.note_levels');
/** When the running hour began. */
const hour = () => new Date(Math.floor(clock.now().getTime() / HOUR_MS) * HOUR_MS).toISOString();
const levels = (total: number, of: Partial<Record<string, number>> = {}) => ({
  at: hour(),
  ...{ total, healthy: 0, warning: 0, unhealthy: 0, unknown: 0 },
  ...of,
});
const ask = async (query = '', client: Client = team.client) => {
  // To the end of the running hour.
  const to = new Date(clock.now().getTime() + HOUR_MS).toISOString();
  const reply = await client.get(`/v1/health/levels?to=${to}${query}`);
  expect([reply.status, reply.body]).toEqual([200, expect.anything()]);
  return reply.body.data;
};

describe('the levels of health', () => {
  test('are how many accounts were how at the last note of an hour, none where nobody looked', async () => {
    await note();
    expect((await ask()).providers).toEqual([]);
    await team.connect('outfame');
    await note();
    expect((await ask()).providers).toEqual([{ provider: 'outfame', levels: [levels(0)] }]);

    const first = await team.hold('outfame', 'one');
    await team.hold('outfame', 'two', { health_status: 'unknown' });
    await team.end(await team.hold('outfame', 'three'));
    await team.hold('octopost', 'four', { health_status: 'unhealthy' });
    await note();
    const outfame = [levels(2, { healthy: 1, unknown: 1 })];
    const octopost = [levels(1, { unhealthy: 1 })];
    expect((await ask()).providers).toEqual([
      { provider: 'octopost', levels: octopost },
      { provider: 'outfame', levels: outfame },
    ]);

    // Nobody looks for two hours.
    clock.advance(3 * HOUR_MS);
    await team.change(first, { health_status: 'warning' });
    // Two replicas at once.
    await Promise.all([note(), note()]);
    outfame.push(levels(2, { warning: 1, unknown: 1 }));
    octopost.push(levels(1, { unhealthy: 1 }));
    expect((await ask()).providers).toEqual([
      { provider: 'octopost', levels: octopost },
      { provider: 'outfame', levels: outfame },
    ]);
    expect((await ask('&provider=outfame')).providers).toEqual([
      { provider: 'outfame', levels: outfame },
    ]);
    const recent = `&from=${new Date(clock.now().getTime() - HOUR_MS).toISOString()}`;
    expect((await ask(recent)).providers[1].levels).toEqual(outfame.slice(1));

    const day = { ...outfame[1], at: '2026-03-03T00:00:00.000Z' };
    expect(await ask('&step=day&provider=outfame')).toMatchObject({
      type: 'health_levels',
      step: 'day',
      providers: [{ provider: 'outfame', levels: [day] }],
    });
  });

  test('are for whoever may see the accounts', async () => {
    await team.hold('outfame', 'one');
    await team.hold('octopost', 'two');
    await note();
    const { body } = await team.client.post('/v1/keys', {
      name: 'restricted',
      scopes: ['read'],
      providers: ['octopost'],
    });
    const providersOf = async (client: Client, query = '') =>
      (await ask(query, client)).providers.map(({ provider }: { provider: string }) => provider);
    expect(await providersOf(team.client)).toEqual(['octopost', 'outfame']);
    expect(await providersOf(gateway.with(body.data.key))).toEqual(['octopost']);
    expect(await providersOf(gateway.with(body.data.key), '&provider=outfame')).toEqual([]);
    const other = await RowsTeam.begin(gateway, () => clock.now());
    expect(await providersOf(other.client)).toEqual([]);
  });

  test.each(['hour', 'day'])('are the same answer until another %s begins', async (step) => {
    await team.hold('outfame', 'one');
    await note();
    const asked = async () => {
      const { status, body, headers } = await team.client.get(`/v1/health/levels?step=${step}`);
      return { status, ...body.data, etag: headers.get('etag') };
    };
    const first = await asked();
    expect([first.status, first.providers[0].levels.length]).toEqual([200, 1]);
    expect(Date.parse(first.to)).toBeGreaterThan(clock.now().getTime());
    clock.advance(60_000);
    expect(await asked()).toEqual(first);
    clock.advance(DAY_MS);
    expect((await asked()).etag).not.toBe(first.etag);
  });

  test.each([
    ['from=2026-03-03T00:00:00Z&to=2026-03-03T00:00:00Z', 'from'],
    ['from=2026-02-01T00:00:00Z&to=2026-03-05T00:00:00Z', 'from'],
    ['step=minute', 'step'],
    ['provider=nobody', 'provider'],
  ])('are refused for %s', async (query, field) => {
    const reply = await team.client.get(`/v1/health/levels?${query}`);
    expect([reply.status, reply.body.errors?.[0].field]).toEqual([422, field]);
  });

  test('are forgotten after 31 days', async () => {
    await team.hold('outfame', 'one');
    await note();
    clock.advance(2 * DAY_MS);
    await note();
    const kept = levels(1, { healthy: 1 });
    clock.advance(30 * DAY_MS);
    await gateway.app.recurringJobs.runNamed('health.prune');
    const from = new Date(clock.now().getTime() - 40 * DAY_MS).toISOString();
    expect((await ask(`&step=day&from=${from}`)).providers).toEqual([
      { provider: 'outfame', levels: [{ ...kept, at: kept.at.replace(/T.*/, 'T00:00:00.000Z') }] },
    ]);
  });
});
