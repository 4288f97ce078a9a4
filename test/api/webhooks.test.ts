import type pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { recordEvents } from '../../src/events/index.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
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
import { overtaken } from '../support/overtaken.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let receiver: Receiver;
beforeAll(async () => {
  gateway = await startGateway();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.stop());
afterAll(() => gateway.stop());

const create = async (path = '/', types: string[] = []) =>
  (await gateway.root.post('/v1/webhooks', { url: receiver.url + path, types })).body.data as {
    id: string;
    secret: string;
  };
const happen = async (
  number: number,
  type: 'account.updated' | 'account.vanished' = 'account.updated',
) => {
  const client = await gateway.database.pool.connect();
  await recordEvents(
    client,
    DEFAULT_TEAM_ID,
    [{ type, accountId: null, data: { number } }],
    new Date(),
  );
  client.release();
};
const deliveries = async (id: string) =>
  (await gateway.root.get(`/v1/webhooks/${id}/deliveries`)).body.data;
/** Brings forward what waits for its next attempt. */
const hurry = () =>
  gateway.database.pool.query(
    `UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'pending'`,
  );

describe('a webhook', () => {
  test('gets the events of its types that happen from now on, signed, the same text as in the feed', async () => {
    await happen(0);
    await gateway.settled();
    const { id, secret } = await create('/hook?team=1', ['account.updated']);
    await happen(1, 'account.vanished');
    await happen(2);
    await receiver.until('a webhook', () => receiver.received.length > 0);
    const [request] = receiver.received;
    expect(request?.path).toBe('/hook?team=1');
    const event = new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {}) as {
      id: string;
    };
    expect(request?.headers['webhook-id']).toBe(event.id);
    await gateway.settled();
    const feed = (await gateway.root.get('/v1/events')).body.data;
    expect(event).toEqual(
      feed.find((item: { data: { number: number } }) => item.data.number === 2),
    );
    const log = await waitFor('the delivery to succeed', () => deliveries(id), {
      until: ([delivery]) => delivery.state === 'succeeded',
    });
    expect(log).toEqual([
      expect.objectContaining({
        event_id: event.id,
        attempts: [expect.objectContaining({ status: 204, answer: '', error: null })],
      }),
    ]);
    expect((await gateway.root.delete(`/v1/webhooks/${id}`)).status).toBe(204);
  });

  test('shows its secret once; rotated, both secrets sign', async () => {
    const { id, secret } = await create();
    expect((await gateway.root.get(`/v1/webhooks/${id}`)).text).not.toContain('whsec_');
    const rotated = (await gateway.root.post(`/v1/webhooks/${id}/rotate`)).body.data.secret;
    const tested = await gateway.root.post(`/v1/webhooks/${id}/test`);
    expect(tested.body.data).toMatchObject({
      event_type: 'webhook.test',
      state: 'succeeded',
      attempts: [{ status: 204 }],
    });
    const [request] = receiver.received;
    for (const key of [secret, rotated])
      expect(() =>
        new Webhook(key).verify(request?.body ?? '', request?.headers ?? {}),
      ).not.toThrow();
    expect(
      (await gateway.root.post(`/v1/webhooks/${id}/deliveries/${tested.body.data.id}/replay`))
        .status,
    ).toBe(409);
    await gateway.root.delete(`/v1/webhooks/${id}`);
  });

  test('rotated twice at once, the secrets of both answers sign, and the oldest one no longer', async () => {
    const { id, secret } = await create();
    const lock = (client: pg.ClientBase) =>
      client.query('SELECT 1 FROM webhooks WHERE id = $1 FOR UPDATE', [id]);
    const rotations = await overtaken(gateway.database.pool, lock, 2, () =>
      Promise.all([1, 2].map(() => gateway.root.post(`/v1/webhooks/${id}/rotate`))),
    );
    const secrets = rotations.map(({ body }) => body.data.secret as string);
    await gateway.root.post(`/v1/webhooks/${id}/test`);
    const [request] = receiver.received;
    const signs = (key: string) => {
      try {
        return !!new Webhook(key).verify(request?.body ?? '', request?.headers ?? {});
      } catch {
        return false;
      }
    };
    expect([secret, ...secrets].map(signs)).toEqual([false, true, true]);
    await gateway.root.delete(`/v1/webhooks/${id}`);
  });

  test('is tried again as Retry-After says, with the same id; 1 KB of the answer is kept; a replay has that id too', async () => {
    receiver.answerWith((response) =>
      response.writeHead(503, { 'Retry-After': '3600' }).end('x'.repeat(5000)),
    );
    const { id } = await create();
    await happen(3);
    const [failed] = await waitFor('the first attempt', () => deliveries(id), {
      until: ([delivery]) => delivery?.attempts.length === 1,
    });
    expect(failed.attempts[0]).toMatchObject({
      status: 503,
      answer: 'x'.repeat(1024),
      error: 'The receiver answered 503.',
    });
    expect(new Date(failed.next_attempt_at).getTime()).toBeGreaterThan(Date.now() + 3_500_000);
    expect((await gateway.root.get(`/v1/webhooks/${id}`)).body.data.failing_since).not.toBeNull();

    receiver.answerWith((response) => response.end('ok'));
    await hurry();
    await waitFor('the delivery to succeed', () => deliveries(id), {
      until: ([delivery]) => delivery.state === 'succeeded',
    });
    expect((await gateway.root.get(`/v1/webhooks/${id}`)).body.data.failing_since).toBeNull();
    expect(
      (await gateway.root.post(`/v1/webhooks/${id}/deliveries/${failed.id}/replay`)).status,
    ).toBe(202);
    await receiver.until('the replay', () => receiver.received.length === 3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    await gateway.root.delete(`/v1/webhooks/${id}`);
  });

  test('that is gone is disabled, tells so, and gets what it missed when it is enabled again', async () => {
    receiver.answerWith((response) => response.writeHead(410).end());
    const { id } = await create('/', ['account.updated']);
    await happen(4);
    const webhook = async () => (await gateway.root.get(`/v1/webhooks/${id}`)).body.data;
    const disabled = await waitFor('the webhook to be disabled', webhook, {
      until: ({ enabled }) => !enabled,
    });
    expect(disabled.disabled.reason).toBe('gone');
    await gateway.settled();
    const told = (await gateway.root.get('/v1/events?type=webhook.disabled')).body.data;
    expect(told).toEqual([
      expect.objectContaining({
        data: { webhook: expect.objectContaining({ id }), reason: 'gone' },
      }),
    ]);

    await happen(5);
    receiver.answerWith((response) => response.end());
    await gateway.root.patch(`/v1/webhooks/${id}`, { enabled: true });
    await receiver.until('what it missed', () => receiver.received.length === 2);
    expect(JSON.parse(receiver.received[1]?.body ?? '').data).toEqual({ number: 5 });
    await gateway.root.delete(`/v1/webhooks/${id}`);
  });

  test('that was disabled until events were kept no longer is told which, and gets the others', async () => {
    receiver.answerWith((response) => response.writeHead(503).end());
    const { id } = await create('/', ['account.updated']);
    await happen(6);
    const [live] = await waitFor('the first attempt', () => deliveries(id), {
      until: (all) => all[0]?.attempts.length === 1,
    });
    await gateway.root.patch(`/v1/webhooks/${id}`, { enabled: false });
    // More than are taken at once, all due before the one whose event is kept.
    await gateway.database.pool.query(
      `INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, state, attempts,
         next_attempt_at, created_at)
       SELECT id || n, webhook_id, 'evt_gone' || n, event_type, 'pending', 1, created_at, created_at
       FROM webhook_deliveries, generate_series(1, 150) n WHERE id = $1`,
      [live.id],
    );
    receiver.answerWith((response) => response.end());
    await gateway.root.patch(`/v1/webhooks/${id}`, { enabled: true });
    await gateway.database.pool.query(
      'UPDATE webhook_deliveries SET next_attempt_at = created_at WHERE id = $1',
      [live.id],
    );
    const ended = async () => {
      const { rows } = await gateway.database.pool.query(
        `SELECT state, log -> -1 ->> 'error' AS error, count(*)::int AS count
         FROM webhook_deliveries WHERE webhook_id = $1 GROUP BY 1, 2 ORDER BY 1`,
        [id],
      );
      return rows;
    };
    await waitFor('all deliveries to end', ended, {
      until: (rows) => rows.every(({ state }) => state !== 'pending'),
    });
    expect(await ended()).toEqual([
      { state: 'failed', error: 'The event is kept no longer.', count: 150 },
      { state: 'succeeded', error: null, count: 1 },
    ]);
    await gateway.root.delete(`/v1/webhooks/${id}`);
  });

  test('that is slow delays no other', async () => {
    receiver.answerWith((response, { path }) => {
      if (path !== '/slow') response.end();
    });
    const slow = await create('/slow');
    const quick = await create('/quick');
    for (let number = 0; number < 20; number++) await happen(number);
    await receiver.until(
      '20 events at /quick',
      () => receiver.received.filter(({ path }) => path === '/quick').length === 20,
    );
    expect(receiver.received.filter(({ path }) => path === '/slow').length).toBeLessThanOrEqual(8);
    for (const { id } of [slow, quick]) await gateway.root.delete(`/v1/webhooks/${id}`);
  });

  test('must have an address that is allowed, and belongs to its team', async () => {
    for (const url of [
      'https://10.0.0.1/',
      'http://example.com/',
      'https://user:pass@example.com/',
      'https://[::ffff:a9fe:a9fe]/',
    ]) {
      expect((await gateway.root.post('/v1/webhooks', { url })).body.errors[0].field).toBe('url');
    }
    expect(
      (await gateway.root.post('/v1/webhooks', { url: receiver.url, types: ['account.made_up'] }))
        .status,
    ).toBe(422);
    const { id } = await create();
    const other = await gateway.newTeam('webhooks');
    expect((await other.client.get(`/v1/webhooks/${id}`)).status).toBe(404);
    expect((await other.client.get('/v1/webhooks')).body.data).toEqual([]);
  });

  test('that a previous version made, its URL in clear, works on and is sealed', async () => {
    const { id } = await create('/before?token=1');
    const row = async () => gateway.database.prisma.webhook.findUniqueOrThrow({ where: { id } });
    expect(await row()).toMatchObject({ url: '', sealedUrl: expect.anything() });
    await gateway.database.prisma.webhook.update({
      where: { id },
      data: { url: `${receiver.url}/after?token=2` },
    });
    expect((await gateway.root.get(`/v1/webhooks/${id}`)).body.data.url).toBe(
      `${receiver.url}/after?token=2`,
    );
    await happen(1);
    await receiver.until('the event at its new address', () =>
      receiver.received.some(({ path }) => path === '/after?token=2'),
    );

    await gateway.app.recurringJobs.runAll();
    expect((await row()).url).toBe('');
    expect((await gateway.root.get(`/v1/webhooks/${id}`)).body.data.url).toBe(
      `${receiver.url}/after?token=2`,
    );
    await happen(2);
    await receiver.until(
      'the second event',
      () => receiver.received.filter(({ path }) => path === '/after?token=2').length === 2,
    );
    await gateway.root.delete(`/v1/webhooks/${id}`);
  });
});
