import type { ServerResponse } from 'node:http';
import { type NewEvent, recordEvents } from '../../src/events/index.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
/** So long a process that died keeps what it was sending. */
const LEASE_MS = 5 * MINUTE;
const RETRIES_MS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

let clock: ManualClock;
let gateway: Gateway;
let receiver: Receiver;
const made: string[] = [];

beforeAll(async () => {
  clock = manualClock(Date.now());
  gateway = await startGateway({ clock });
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const id of made.splice(0)) await gateway.root.delete(`/v1/webhooks/${id}`);
  receiver.stop();
});
afterAll(() => gateway.stop());

async function create(
  path: string,
  types: string[] = ['account.updated'],
  client: Client = gateway.root,
): Promise<string> {
  const { body } = await client.post('/v1/webhooks', { url: receiver.url + path, types });
  made.push(body.data.id);
  return body.data.id;
}

const happen = async (number: number, event: Partial<NewEvent> = {}) => {
  const client = await gateway.database.pool.connect();
  const whole: NewEvent = { type: 'account.updated', accountId: null, data: { number }, ...event };
  await recordEvents(client, DEFAULT_TEAM_ID, [whole], clock.now());
  client.release();
};

/**
 * Lets the rounds of the worker go on until `look` has something to show. Each look costs a second
 * or so of the clock's time.
 */
function until<Found>(
  what: string,
  look: () => Found | undefined | false | Promise<Found | undefined | false>,
): Promise<Found> {
  const turn = async () => {
    const found = await look();
    if (found === undefined || found === false) clock.advance(SECOND);
    return found;
  };
  return waitFor(what, turn, { everyMs: 5 }) as Promise<Found>;
}

const webhook = async (id: string) => (await gateway.root.get(`/v1/webhooks/${id}`)).body.data;
const deliveries = async (id: string) =>
  (await gateway.root.get(`/v1/webhooks/${id}/deliveries`)).body.data;
const attempted = (id: string, times: number) =>
  until(`attempt number ${times}`, async () => {
    const [newest] = await deliveries(id);
    return newest?.attempts.length >= times && newest;
  });
const arrivals = (path: string) => receiver.received.filter((request) => request.path === path);
const advanceTo = (time: number) => clock.advance(Math.max(0, time - clock.now().getTime()));

/**
 * Resolves when the worker has gone round: an event has reached a webhook that always takes it.
 */
async function round(): Promise<void> {
  const before = arrivals('/control').length;
  await happen(0, { type: 'profile.split' });
  await until('the worker to go round', () => arrivals('/control').length > before);
}

describe('a delivery that fails', () => {
  test('is tried nine times more, each time after the wait it tells and not before; then it has failed', async () => {
    receiver.answerWith((response, { path }) =>
      response.writeHead(path === '/failing' ? 500 : 204).end(),
    );
    await create('/control', ['profile.split']);
    const id = await create('/failing');
    await happen(1);
    for (const [index, wait] of RETRIES_MS.entries()) {
      const delivery = await attempted(id, index + 1);
      const at = Date.parse(delivery.attempts[index].at);
      const next = Date.parse(delivery.next_attempt_at);
      expect(delivery.state).toBe('pending');
      expect(next - at).toBeGreaterThanOrEqual(wait);
      expect(next - at).toBeLessThanOrEqual(1.1 * wait);
      advanceTo(next - MINUTE);
      await round();
      advanceTo(next);
      expect(
        Date.parse((await attempted(id, index + 2)).attempts[index + 1].at),
      ).toBeGreaterThanOrEqual(next);
    }
    const [delivery] = await deliveries(id);
    expect(delivery).toMatchObject({
      state: 'failed',
      next_attempt_at: null,
      finished_at: expect.any(String),
    });
    expect(delivery.attempts).toHaveLength(10);
    expect(new Set(arrivals('/failing').map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(await webhook(id)).toMatchObject({
      enabled: true,
      failing_since: delivery.attempts[0].at,
    });

    // Even a delivery that has failed can be sent again.
    receiver.answerWith((response) => response.end('at last'));
    expect(
      (await gateway.root.post(`/v1/webhooks/${id}/deliveries/${delivery.id}/replay`)).status,
    ).toBe(202);
    const replayed = await until('the replay', async () =>
      (await deliveries(id)).find(({ state }: { state: string }) => state === 'succeeded'),
    );
    expect(replayed).toMatchObject({
      event_id: delivery.event_id,
      attempts: [{ status: 200, answer: 'at last', error: null }],
    });
    expect(arrivals('/failing')[10]?.body).toBe(arrivals('/failing')[0]?.body);
    expect((await webhook(id)).failing_since).toBeNull();
  });

  test.each([
    ['seconds', () => '7200'],
    ['a date', () => new Date(clock.now().getTime() + 2 * HOUR).toUTCString()],
  ])('waits as long as Retry-After says in %s', async (_kind, retryAfter) => {
    receiver.answerWith((response, { path }) =>
      response.writeHead(path === '/busy' ? 503 : 204, { 'Retry-After': retryAfter() }).end(),
    );
    await create('/control', ['profile.split']);
    const id = await create('/busy');
    await happen(1);
    const delivery = await attempted(id, 1);
    const asked = Date.parse(delivery.attempts[0].at) + 2 * HOUR;
    // A date of HTTP has no fractions of a second.
    expect(Date.parse(delivery.next_attempt_at)).toBeGreaterThan(asked - 2 * SECOND);
    advanceTo(asked - MINUTE);
    await round();
    advanceTo(Date.parse(delivery.next_attempt_at));
    expect(Date.parse((await attempted(id, 2)).attempts[1].at)).toBeGreaterThan(asked - 2 * SECOND);
  });

  test('for five days, with whatever else is sent there, disables the webhook, which tells so; enabled, it gets all it missed', async () => {
    receiver.answerWith((response) => response.writeHead(500).end());
    const id = await create('/dead');
    await happen(1);
    const since = (await attempted(id, 1)).attempts[0].at;
    for (let day = 1; day < 5; day++) {
      clock.advance(DAY - HOUR);
      await happen(day + 1);
      await attempted(id, 1);
    }
    expect(await webhook(id)).toMatchObject({
      enabled: true,
      disabled: null,
      failing_since: since,
    });
    advanceTo(Date.parse(since) + 5 * DAY);
    const disabled = await until('the webhook to be disabled', async () => {
      const now = await webhook(id);
      return !now.enabled && now;
    });
    expect(disabled).toMatchObject({ disabled: { reason: 'failing' }, failing_since: since });
    await gateway.settled();
    const told = (await gateway.root.get('/v1/events?type=webhook.disabled&limit=200')).body.data;
    expect(
      told.filter((event: { data: { webhook: { id: string } } }) => event.data.webhook.id === id),
    ).toHaveLength(1);
    await happen(6);

    receiver.answerWith((response) => response.end());
    const before = arrivals('/dead').length;
    const enabled = await gateway.root.patch(`/v1/webhooks/${id}`, { enabled: true });
    expect(enabled.body.data).toMatchObject({ enabled: true, disabled: null, failing_since: null });
    clock.advance(DAY);
    const numbers = () =>
      new Set(
        arrivals('/dead')
          .slice(before)
          .map(({ body }) => JSON.parse(body).data.number),
      );
    await until('the events it missed', () => numbers().has(6) && numbers().has(5));
    expect(await webhook(id)).toMatchObject({ enabled: true, failing_since: null });
  });

  test('that was on its way when the webhook was enabled again does not disable it once more', async () => {
    receiver.answerWith((response) => response.writeHead(500).end());
    const id = await create('/mended');
    await happen(1);
    const [{ at }] = (await attempted(id, 1)).attempts;
    await happen(2);
    await attempted(id, 1);
    advanceTo(Date.parse(at) + 5 * DAY);
    const held: ServerResponse[] = [];
    receiver.answerWith((response) => {
      held.push(response);
    });
    await until('both to be tried again', () => held.length >= 2);
    held.shift()?.writeHead(500).end();
    await until('the webhook to be disabled', async () => !(await webhook(id)).enabled);
    await gateway.root.patch(`/v1/webhooks/${id}`, { enabled: true });
    receiver.answerWith((response) => response.end());
    for (const response of held) response.writeHead(500).end();
    await until('the late failure to be written', async () =>
      (await deliveries(id)).every(({ attempts }: { attempts: object[] }) => attempts.length > 1),
    );
    expect(await webhook(id)).toMatchObject({ enabled: true });
  });

  test('with a redirect: it is not followed', async () => {
    receiver.answerWith((response, { path }) =>
      path === '/old'
        ? response.writeHead(307, { Location: `${receiver.url}/new` }).end()
        : response.end(),
    );
    const id = await create('/old');
    await happen(1);
    const { attempts, state } = await attempted(id, 1);
    expect([state, attempts[0].status, attempts[0].error]).toEqual([
      'pending',
      307,
      expect.stringContaining('redirect'),
    ]);
    expect(arrivals('/new')).toEqual([]);
  });
});

describe('a delivery that cannot be written down', () => {
  test('is made again as soon as it can, with the same id', async () => {
    const id = await create('/twice');
    await gateway.asOwner(
      `ALTER TABLE webhook_deliveries ADD CONSTRAINT refused CHECK (state <> 'succeeded') NOT VALID`,
    );
    await happen(1);
    await until('the first delivery', () => arrivals('/twice').length > 0);
    await gateway.asOwner('ALTER TABLE webhook_deliveries DROP CONSTRAINT refused');
    const since = clock.now().getTime();
    const look = async () => {
      clock.advance(SECOND);
      return (await deliveries(id))[0].state;
    };
    // Few looks, as each costs a second of the lease.
    await waitFor('the delivery to succeed', look, {
      everyMs: 50,
      until: (state) => state === 'succeeded',
    });
    expect(clock.now().getTime() - since).toBeLessThan(LEASE_MS);
    expect(new Set(arrivals('/twice').map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });
});

describe('the log of deliveries', () => {
  test('keeps the first KB of an answer in whole characters', async () => {
    receiver.answerWith((response) => response.end(`${'x'.repeat(1022)}€uro`));
    const id = await create('/talkative');
    await happen(1);
    const { attempts } = await attempted(id, 1);
    expect(attempts).toEqual([
      {
        at: expect.any(String),
        status: 200,
        latency_ms: expect.any(Number),
        answer: 'x'.repeat(1022),
        error: null,
      },
    ]);
  });
});

describe('webhooks side by side', () => {
  test('one that never answers and one that is not there hold up no other', async () => {
    receiver.answerWith((response, { path }) => {
      if (path !== '/silent') response.end();
    });
    const silent = await create('/silent');
    const { body } = await gateway.root.post('/v1/webhooks', {
      url: 'http://127.0.0.1:1/',
      types: ['account.updated'],
    });
    made.push(body.data.id);
    await create('/quick');
    for (let number = 0; number < 30; number++) await happen(number);
    await until('30 events at /quick', () => arrivals('/quick').length === 30);
    expect(
      (await deliveries(silent)).filter(
        ({ attempts }: { attempts: unknown[] }) => attempts.length > 0,
      ),
    ).toEqual([]);
    const refused = await attempted(body.data.id, 1);
    expect(refused.attempts[0]).toMatchObject({
      status: null,
      answer: null,
      error: 'The connection failed (ECONNREFUSED).',
    });
  });

  test('one that is made with a key of some providers gets what is about those, and what is about none', async () => {
    const limited = await gateway.root.post('/v1/keys', {
      name: 'octopost only',
      scopes: ['admin'],
      providers: ['octopost'],
    });
    await create('/all');
    await create('/some', ['account.updated'], gateway.with(limited.body.data.key));
    await happen(1, { provider: 'outfame' });
    await happen(2, { provider: 'octopost' });
    await happen(3);
    await until(
      'three events at /all and two at /some',
      () => arrivals('/all').length === 3 && arrivals('/some').length >= 2,
    );
    const numbers = (path: string) =>
      arrivals(path)
        .map(({ body }) => JSON.parse(body).data.number)
        .sort();
    expect([numbers('/all'), numbers('/some')]).toEqual([
      [1, 2, 3],
      [2, 3],
    ]);
  });
});
