import { receiptLines } from '../../src/cli/receipt-lines.js';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';

/** What a key for Outfame alone must not read anywhere. */
const HIDDEN = /socialsyncer|17841400123456789|yourbrand/i;

let gateway: Gateway;
let receiver: Receiver;
let owner: Client;
let restricted: Client;
let outfame: readonly string[];
let socialsyncer: readonly string[];
beforeAll(async () => {
  gateway = await startGateway();
  receiver = await startReceiver();
  const team = await gateway.newTeam('owner');
  owner = team.client;
  await gateway.connect('outfame', team.id);
  await gateway.connect('socialsyncer', team.id);
  restricted = await keyFor('outfame');
  outfame = await refsAt('outfame');
  socialsyncer = await refsAt('socialsyncer');
});
afterAll(async () => {
  await gateway.stop();
  receiver.stop();
});

async function keyFor(provider: string): Promise<Client> {
  const rights = { name: provider, scopes: ['admin'], providers: [provider] };
  return gateway.with((await owner.post('/v1/keys', rights)).body.data.key);
}
async function refsAt(provider: string): Promise<string[]> {
  const { data } = (await owner.get(`/v1/accounts?provider=${provider}&status=active`)).body;
  return data.map(({ ref }: { ref: string }) => ref);
}
/** An answer without what differs from request to request. */
const said = ({ status, body: { request_id: _, ...body } }: Reply) => ({ status, ...body });

describe('the ETag of a list', () => {
  test('does not tell of changes to what is hidden', async () => {
    const etagOf = async (client: Client) => {
      const etags: (string | null)[] = [];
      for (const list of ['accounts', 'connections', 'disconnects'])
        etags.push((await client.get(`/v1/${list}`)).headers.get('etag'));
      return etags;
    };
    const change = (ref: string | undefined, to: string) =>
      owner.patch(`/v1/accounts/${encodeURIComponent(ref ?? '')}`, { labels: { changed: to } });
    const before = [await etagOf(owner), await etagOf(restricted)];
    expect((await change(socialsyncer[0], 'hidden')).status).toBe(200);
    expect(await etagOf(owner)).not.toEqual(before[0]);
    expect(await etagOf(restricted)).toEqual(before[1]);
    expect((await change(outfame[0], 'shown')).status).toBe(200);
    expect(await etagOf(restricted)).not.toEqual(before[1]);
  });
});

describe('plan_mismatch', () => {
  test('says of a plan that holds hidden accounts what it says of one that never was', async () => {
    const filter = { status: 'active' };
    const plan = await owner.post('/v1/disconnects', { filter, dry_run: true });
    const run = (plan_hash: string) => restricted.post('/v1/disconnects', { filter, plan_hash });
    const [real, invented] = [await run(plan.body.data.plan_hash), await run('invented')];
    expect(real.body.code).toBe('plan_mismatch');
    expect(said(real)).toEqual(said(invented));
    // Its own plan still says what has changed.
    const own = await restricted.post('/v1/disconnects', {
      account_ids: outfame.slice(0, 1),
      dry_run: true,
    });
    const changed = await restricted.post('/v1/disconnects', {
      account_ids: outfame.slice(0, 2),
      plan_hash: own.body.data.plan_hash,
    });
    expect(changed.body.errors[0].message).toBe(`${outfame[1]} was added since the plan`);
  });
});

describe('webhook.disabled', () => {
  test('reaches only keys and webhooks that may see whatever the disabled one was sent', async () => {
    const made = async (client: Client, path: string) =>
      (await client.post('/v1/webhooks', { url: receiver.url + path })).body.data.id;
    const ids = {
      owner: await made(owner, '/owner'),
      like: await made(restricted, '/like'),
      others: await made(await keyFor('socialsyncer'), '/others'),
    };
    receiver.answerWith((response, { path }) =>
      response.writeHead(path === '/owner' || path === '/gone' ? 410 : 204).end(),
    );
    const [ref] = outfame;
    const isDisabled = async (id: string) =>
      (await gateway.database.prisma.webhook.findUniqueOrThrow({ where: { id } })).disabledAt;
    await restricted.post(`/v1/accounts/${ref}/pause`);
    await waitFor('the webhook of all to be disabled', () => isDisabled(ids.owner));
    // Another one of the same kind, whose receiver is gone too.
    const narrow = await made(restricted, '/gone');
    await restricted.post(`/v1/accounts/${ref}/resume`);
    await waitFor('the narrow webhook to be disabled', () => isDisabled(narrow));
    await gateway.settled();
    const disabled = async (client: Client) =>
      (await client.get('/v1/events?type=webhook.disabled')).body.data.map(
        (event: { data: { webhook: { id: string } } }) => event.data.webhook.id,
      );
    expect((await disabled(owner)).sort()).toEqual([ids.owner, narrow].sort());
    expect(await disabled(restricted)).toEqual([narrow]);
    expect(await disabled(await keyFor('socialsyncer'))).toEqual([]);
    const [hidden] = (await owner.get('/v1/events?type=webhook.disabled')).body.data;
    const since = (id: string) => restricted.get(`/v1/events?after=${id}`);
    expect(said(await since(hidden.id))).toEqual(said(await since('evt_never')));
    await receiver.until('the event to come to the webhook that may have it', () =>
      receiver.received.some(({ path, body }) => path === '/like' && body.includes(narrow)),
    );
    const told = receiver.received.filter(({ body }) => body.includes('webhook.disabled'));
    expect(new Set(told.map(({ path }) => path))).toEqual(new Set(['/like']));
    expect(told.some(({ body }) => body.includes(ids.owner))).toBe(false);
  });
});

describe('a disconnect of accounts of several providers', () => {
  const later = () => new Date(Date.now() + 3_600_000).toISOString();

  test('is to a key of one provider a disconnect of the accounts there', async () => {
    const mixed = await owner.post('/v1/disconnects', {
      account_ids: [outfame[1], outfame[2], socialsyncer[1]],
      scheduled_at: later(),
    });
    const { id } = mixed.body.data;
    const alone = await owner.post('/v1/disconnects', {
      account_ids: [socialsyncer[2]],
      scheduled_at: later(),
    });
    const address = `/v1/disconnects/${id}`;
    const seen = await restricted.get(address);
    expect(seen.body.data).toMatchObject({
      state: 'scheduled',
      finished_at: null,
      summary: { total: 2, pending: 2 },
      has_more_steps: false,
    });
    const list = await restricted.get('/v1/disconnects?include_total=true');
    expect(list.body).toMatchObject({ data: [{ id }], pagination: { total_count: 1 } });
    const steps = await restricted.get(`${address}/steps?include_total=true`);
    expect(steps.body).toMatchObject({ pagination: { total_count: 2 } });
    for (const path of ['', '/steps', '/receipt'])
      expect((await restricted.get(`/v1/disconnects/${alone.body.data.id}${path}`)).status).toBe(
        404,
      );
    const cancelled = await restricted.post(`${address}/cancel`);
    expect(cancelled.body.data).toMatchObject({
      state: 'cancelled',
      finished_at: expect.any(String),
      summary: { total: 2, cancelled: 2, pending: 0 },
    });
    for (const { text } of [seen, list, steps, cancelled, await restricted.get('/v1/disconnects')])
      expect(text).not.toMatch(HIDDEN);
    expect((await restricted.get('/v1/disconnects?state=scheduled')).body.data).toEqual([]);
    expect((await restricted.get('/v1/disconnects?state=cancelled')).body.data).toHaveLength(1);
    // The rest goes on as it was asked for.
    expect((await owner.get(address)).body.data).toMatchObject({
      state: 'scheduled',
      summary: { total: 3, cancelled: 2, pending: 1 },
    });
  });

  test('shows it no trace of the rest while that still runs, fails or is tried again', async () => {
    const hidden = gateway.sandbox.provider('socialsyncer').faults;
    hidden.add({ kind: 'slow', method: 'DELETE', delay_ms: 1_500 });
    const own = outfame[3] ?? '';
    const mixed = await owner.post('/v1/disconnects', { account_ids: [own, socialsyncer[3]] });
    const address = `/v1/disconnects/${mixed.body.data.id}`;
    const whole = await restricted.delete(`/v1/accounts/${own}`);
    expect(whole).toMatchObject({
      status: 200,
      body: {
        data: {
          id: mixed.body.data.id,
          state: 'succeeded',
          finished_at: expect.any(String),
          summary: { total: 1, succeeded: 1 },
          steps: [{ ref: own }],
        },
      },
    });
    expect((await owner.get(address)).body.data).toMatchObject({ state: 'running' });
    const receipt = await restricted.get(`${address}/receipt`);
    expect(receipt.body.data.receipt).toMatchObject({
      providers: ['outfame'],
      summary: { total: 1 },
    });
    expect(receiptLines(receipt.body.data.receipt)[0]).toBe('It covers only accounts at: outfame');
    expect((await owner.get(`${address}/receipt`)).status).toBe(409);
    const refused = [
      await restricted.post(`${address}/cancel`),
      await restricted.post(`${address}/retry`),
      await restricted.post('/v1/disconnects', { account_ids: [own] }),
      await restricted.post('/v1/disconnects', { account_ids: [own, socialsyncer[3]] }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([409, 409, 409, 422]);
    for (const { text } of [whole, receipt, ...refused.slice(0, 3)])
      expect(text).not.toMatch(HIDDEN);
    await waitFor(
      'the whole disconnect to end',
      async () => (await owner.get(address)).body.data.state,
      { until: (state) => state === 'succeeded' },
    );
    hidden.clear();
    const all = (await owner.get(`${address}/receipt`)).body.data.receipt;
    expect(all.summary.total).toBe(2);
    expect(all).not.toHaveProperty('providers');
  });
});

test('the names of hidden connections are free to it', async () => {
  const connecting = (provider: string, name: string) => ({
    provider,
    name,
    credentials: { api_key: 'any' },
    verify: false,
  });
  const hidden = await owner.post('/v1/connections', connecting('socialsyncer', 'shared'));
  expect(hidden.status).toBe(201);
  const made = await restricted.post('/v1/connections', connecting('outfame', 'shared'));
  expect(made).toMatchObject({ status: 201, body: { data: { name: 'shared' } } });
  const other = await restricted.post('/v1/connections', connecting('outfame', 'other'));
  const address = `/v1/connections/${other.body.data.id}`;
  const { name } = (await owner.get('/v1/connections?limit=200')).body.data.find(
    ({ provider }: { provider: string }) => provider === 'socialsyncer',
  );
  expect((await restricted.patch(address, { name })).status).toBe(200);
  // Of its own provider's they are not.
  const taken = [
    await restricted.patch(address, { name: 'shared' }),
    await restricted.post('/v1/connections', connecting('outfame', 'shared')),
  ];
  for (const { status, body } of taken) expect([status, body.code]).toEqual([409, 'conflict']);
});
