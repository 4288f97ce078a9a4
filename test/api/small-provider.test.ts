import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AnyAdapter } from '../../src/model/index.js';
import {
  bareAdapter,
  bareItem,
  detailAdapter,
  linkedAdapter,
} from '../providers/small-adapters.js';
import { json, type SmallProvider, startSmallProvider } from '../providers/small-provider.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait.js';

/** One whose disconnect ends that of the whole client, and one that ends the whole connection. */
const adapters: readonly AnyAdapter[] = [
  bareAdapter,
  {
    ...bareAdapter,
    id: 'grouped',
    disconnectEffect: { ...bareAdapter.disconnectEffect, ends: 'provider_group' },
  },
  {
    ...bareAdapter,
    id: 'shared',
    disconnectEffect: { ...bareAdapter.disconnectEffect, ends: 'connection' },
  },
  detailAdapter,
  linkedAdapter,
];

let provider: SmallProvider;
let gateway: Gateway;

beforeAll(async () => {
  provider = await startSmallProvider();
  gateway = await startGateway({ adapters });
  provider.answer(
    json(200, [bareItem('a', 'c1'), bareItem('b', 'c1'), bareItem('c', 'c2'), bareItem('d')]),
  );
  for (const { id } of adapters.slice(0, 3)) await connect(id);
});

afterAll(async () => {
  await gateway?.stop();
  await provider?.close();
});

async function connect(adapter: string, listed = 4): Promise<string> {
  const credentials = { api_key: 'bare_live_0123456789' };
  const request = { provider: adapter, credentials, base_url: provider.baseUrl, verify: false };
  const made = await gateway.root.post('/v1/connections', request);
  expect(made.status).toBe(201);
  await waitFor(`the first sweep of ${adapter}`, () => accounts(adapter), {
    until: (rows) => rows.length === listed,
  });
  return made.body.data.id;
}

async function accounts(adapter: string) {
  const { body } = await gateway.root.get(
    `/v1/accounts?provider=${adapter}&order_by=username&order_direction=asc`,
  );
  return body.data as { id: string; ref: string; provider_group: unknown }[];
}

async function planFor(...refs: string[]) {
  const request = { account_ids: refs, dry_run: true };
  return (await gateway.root.post('/v1/disconnects', request)).body.data;
}

test('accounts show the group that they belong to at their provider', async () => {
  expect((await accounts('bare')).map((account) => account.provider_group)).toEqual([
    { id: 'c1', name: null },
    { id: 'c1', name: null },
    { id: 'c2', name: null },
    null,
  ]);
});

test('a plan says what is not known of the effect', async () => {
  const plan = await planFor('bare:a', 'bare:b');
  expect(plan.accounts[0].effect).toEqual({
    destroys_data: null,
    revokes_token: null,
    reversible: false,
  });
  expect(plan.totals).toEqual({
    total: 2,
    destroys_data: 0,
    revokes_token: 0,
    irreversible: 2,
    effect_not_told: 2,
    also_ends: 0,
  });
  const { body } = await gateway.root.get('/v1/providers/bare');
  expect(body.data.disconnect).toMatchObject({ destroys_data: null, ends: 'account' });
});

test.each([
  ['grouped', ['a'], ['b']],
  ['grouped', ['a', 'b'], []],
  ['grouped', ['d'], []],
  ['shared', ['a', 'd'], ['b', 'c']],
])('a plan at %s for %j names those whose hold ends too: %j', async (adapter, asked, also) => {
  const plan = await planFor(...asked.map((id) => `${adapter}:${id}`));
  expect(plan.also_ends.map(({ ref }: { ref: string }) => ref)).toEqual(
    also.map((id) => `${adapter}:${id}`),
  );
  expect(plan.totals.also_ends).toBe(also.length);
  for (const { ends_with } of plan.also_ends)
    expect(plan.accounts.map(({ account_id }: { account_id: string }) => account_id)).toContain(
      ends_with,
    );
});

test('a run with a plan that would end others by now is refused', async () => {
  const { plan_hash } = await planFor('grouped:c');
  const items = ['a', 'b', 'e'].map((id) => bareItem(id, 'c2'));
  provider.answer(json(200, [...items, bareItem('c', 'c2'), bareItem('d')]));
  const { body } = await gateway.root.get('/v1/connections');
  const connection = body.data.find((row: { provider: string }) => row.provider === 'grouped');
  await gateway.sweep(connection.id);
  const run = await gateway.root.post('/v1/disconnects', { account_ids: ['grouped:c'], plan_hash });
  expect(run).toMatchObject({ status: 422, body: { code: 'plan_mismatch' } });
});

test('a verdict that rests on a detail stands while the detail is not told', async () => {
  let detail = json(200, { missing: ['publish'] });
  provider.answer((request, response) =>
    request.url === '/v1/integrations'
      ? json(200, [bareItem('a', 'c1')])(request, response)
      : detail(request, response),
  );
  const id = await connect('detailed', 1);
  const health = async () => {
    const { body } = await gateway.root.get('/v1/accounts/detailed:a');
    return [body.data.status, body.data.health.reason, body.data.health.permissions];
  };
  const missing = ['active', 'permission_missing', ['publish']];
  expect(await health()).toEqual(missing);

  detail = json(500, { msg: 'Oh.' });
  await gateway.sweep(id);
  expect(await health()).toEqual(missing);
  const probed = await gateway.root.post('/v1/accounts/detailed:a/probe');
  expect(probed.status).toBe(200);
  expect(await health()).toEqual(missing);

  detail = json(200, { missing: [] });
  expect((await gateway.root.post('/v1/accounts/detailed:a/probe')).status).toBe(200);
  expect(await health()).toEqual(['active', null, []]);
});

test('a flow that ends at the provider needs no redirect, and has nothing to complete', async () => {
  provider.answer(json(200, []));
  await connect('linked', 0);
  provider.answer(json(200, { url: 'https://www.instagram.com/oauth/authorize?client_id=1' }));
  const flows = () =>
    provider.requests.map(({ url }) => url).filter((url) => url.includes('/social/'));
  const ask = { provider: 'linked', platform: 'instagram' };
  const started = await gateway.root.post('/v1/connect', ask);
  expect(started).toMatchObject({
    status: 201,
    body: {
      data: {
        auth_url: 'https://www.instagram.com/oauth/authorize?client_id=1',
        state: null,
        expires_at: null,
      },
    },
  });
  expect(flows().at(-1)).toBe('/v1/social/instagram');
  const redirect = 'https://console.example.com/connected';
  await gateway.root.post('/v1/connect', { ...ask, redirect_url: redirect });
  expect(flows().at(-1)).toBe(`/v1/social/instagram?back=${encodeURIComponent(redirect)}`);
  const made = await gateway.root.post('/v1/accounts', { ...ask, username: 'a' });
  expect(made.body.connect.flow).toBe('link');
});
