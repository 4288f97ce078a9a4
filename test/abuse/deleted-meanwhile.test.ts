import { apiDocument } from '../support/api-document.js';
import type { Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { overtaken } from '../support/overtaken.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';

/** What a request is about may be deleted while it is handled: it is answered 404 then. */
let gateway: Gateway;
let receiver: Receiver;
beforeAll(async () => {
  [gateway, receiver] = await Promise.all([startGateway(), startReceiver()]);
});
afterAll(async () => {
  await gateway.stop();
  await receiver.stop();
});

/** Something to delete: its row, and what stands for the parameters of addresses below its noun. */
interface Made {
  readonly table: string;
  readonly id: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Sends a request while the row is deleted: that is committed once the request waits for it. */
const whileDeleted = ({ table, id }: Made, send: () => Promise<Reply>): Promise<Reply> =>
  overtaken(
    gateway.database.pool,
    (client) => client.query(`DELETE FROM ${table} WHERE id = $1`, [id]),
    1,
    send,
  );

const keyOf = (provider: 'outfame' | 'socialsyncer') => ({
  credentials: { api_key: gateway.sandbox.apiKey(provider) },
});

async function connection(provider: 'outfame' | 'socialsyncer' = 'outfame'): Promise<Made> {
  const id = await gateway.connect(provider);
  const parameters = { provider, connection_id: id };
  return { table: 'connections', id, parameters };
}

/** With it go its accounts. */
async function connectionOfAccount(): Promise<Made> {
  const made = await connection();
  const query = `connection_id=${made.id}&status=active&health=healthy`;
  const { body } = await gateway.root.get(`/v1/accounts?${query}`);
  return { ...made, parameters: { id: body.data[0].id } };
}

async function webhook(): Promise<Made> {
  const request = { url: receiver.url, types: ['webhook.*'] };
  const { id } = (await gateway.root.post('/v1/webhooks', request)).body.data;
  const sent = { id: `dlv_of_${id}`, webhookId: id, eventId: 'evt_x', eventType: 'webhook.test' };
  const event = await gateway.database.prisma.event.findFirstOrThrow();
  const data = { ...sent, eventId: event.id, state: 'succeeded', createdAt: new Date() };
  await gateway.database.prisma.webhookDelivery.create({ data });
  return { table: 'webhooks', id, parameters: { id, delivery_id: data.id } };
}

async function view(): Promise<Made> {
  const request = { page: 'accounts', name: `view ${Date.now()}`, query: '' };
  const { id } = (await gateway.root.post('/v1/views', request)).body.data;
  return { table: 'saved_views', id };
}

/** Of every noun of which something can be deleted by its id. */
const MAKE: Readonly<Record<string, () => Promise<Made>>> = {
  connections: connection,
  accounts: connectionOfAccount,
  webhooks: webhook,
  views: view,
};

/** What is sent; of routes that are not named nothing. */
const BODIES: Readonly<Record<string, readonly (() => object)[]>> = {
  'PATCH /v1/connections/{id}': [
    () => ({ name: 'renamed' }),
    () => ({ paused: true }),
    () => keyOf('outfame'),
  ],
  'PATCH /v1/accounts/{id}': [
    () => ({ labels: { brand: 'acme' } }),
    () => ({ settings: { targeting_config: {} } }),
  ],
  'PUT /v1/accounts/{id}/profile': [() => ({ profile_id: null })],
  'PATCH /v1/webhooks/{id}': [
    () => ({ description: 'changed' }),
    () => ({ enabled: false }),
    () => ({ url: receiver.url }),
  ],
  'PATCH /v1/views/{id}': [() => ({ name: 'renamed' })],
};

const NOTHING = () => ({});

/** The profile of an account that is alone is left as it is: there is nothing to wait for. */
const UNCHANGED = 'PUT /v1/accounts/{id}/profile';

/** Every route that changes or deletes what one of these ids names, with each of its bodies. */
const routes = Object.entries(apiDocument.paths as Record<string, object>).flatMap(
  ([path, methods]) => {
    const [, noun = ''] = /^\/v1\/(\w+)\/\{id\}/.exec(path) ?? [];
    const make = MAKE[noun];
    if (make === undefined) return [];
    return Object.keys(methods)
      .map((method) => method.toUpperCase())
      .filter((method) => ['POST', 'PUT', 'PATCH', 'DELETE'].includes(method))
      .flatMap((method) =>
        (BODIES[`${method} ${path}`] ?? [NOTHING]).map((body, index) => ({
          ...{ method, path, make, body },
          name: `${method} ${path}, body ${index + 1}`,
        })),
      );
  },
);

describe('what is deleted while a request is about it', () => {
  test('is of every noun that can be', () => {
    const nouns = new Set(routes.map(({ path }) => path.split('/')[2]));
    expect([...nouns].sort()).toEqual(Object.keys(MAKE).sort());
    expect(routes.length).toBeGreaterThan(15);
  });

  test('is what every foreign key takes with it, so that a violated one tells of a parent', async () => {
    const { rows } = await gateway.database.pool.query<{ name: string; effect: string }>(
      `SELECT conname AS name, confdeltype AS effect FROM pg_constraint
       WHERE contype = 'f' AND connamespace = 'public'::regnamespace`,
    );
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.filter(({ effect }) => effect !== 'c')).toEqual([]);
  });

  test.each(routes)('$name', async ({ method, path, make, body }) => {
    const made = await make();
    const parameters: Readonly<Record<string, string>> = { id: made.id, ...made.parameters };
    const address = path.replace(/\{(\w+)\}/g, (_all, name: string) => parameters[name] ?? '');
    const text = method === 'DELETE' ? undefined : JSON.stringify(body());
    const headers: Record<string, string> =
      text === undefined ? {} : { 'Content-Type': 'application/json' };
    const reply = await whileDeleted(made, () => gateway.root.send(method, address, text, headers));
    const isUnchanged = `${method} ${path}` === UNCHANGED;
    expect([reply.status, reply.body.code]).toEqual(
      isUnchanged ? [200, undefined] : [404, 'not_found'],
    );
  });

  test.each([
    ['outfame', '/v1/accounts', { username: 'somebody' }],
    ['socialsyncer', '/v1/connect', { redirect_url: 'https://console.example.com/done' }],
  ] as const)('of %s: POST %s', async (provider, path, request) => {
    const made = await connection(provider);
    const whole = { ...request, connection_id: made.id, platform: 'instagram' };
    const reply = await whileDeleted(made, () => gateway.root.post(path, whole));
    // A connect flow stores nothing but the id of the connection.
    expect(reply.status).toBe(path === '/v1/connect' ? 201 : 404);
  });

  test('says that what the provider was asked to change may be done there', async () => {
    const { id } = await connection();
    const provider = gateway.sandbox.provider('outfame');
    const { requests } = provider.counts();
    provider.faults.add({ kind: 'slow', method: 'POST', times: 1, delay_ms: 5_000 });
    const request = { connection_id: id, platform: 'instagram', username: 'half.done' };
    const creation = gateway.root.post('/v1/accounts', request);
    await waitFor('the provider to be asked', () => provider.counts().requests > requests);
    expect((await gateway.root.delete(`/v1/connections/${id}`)).status).toBe(204);
    const { status, body } = await creation;
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect(body.detail).toContain(`Connection ${id} was deleted`);
    expect(body.detail).toContain('may be done there');
  });
});
