import { readConfig } from '../../src/config.js';
import { type AnyAdapter, credentialFields } from '../../src/model/index.js';
import { json, type SmallProvider, startSmallProvider } from '../providers/small-provider.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import {
  bareAdapter,
  bareItem,
  detailAdapter,
  expiringAdapter,
  linkedAdapter,
  severalAdapter,
} from '../support/small-adapters.js';
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
  severalAdapter,
  expiringAdapter,
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

describe('credentials of several parts', () => {
  const credentials = {
    api_key: 'several_live_0123456789',
    client_id: 'client-1',
    client_secret: 'word_0123456789abcdef',
  };
  const create = (given: object) =>
    gateway.root.post('/v1/connections', {
      provider: 'several',
      credentials: given,
      base_url: provider.baseUrl,
      verify: false,
    });
  const sentTo = (path: string) => provider.requests.filter(({ url }) => url === path).at(-1);

  test('are told by the provider, used in requests, sealed, and never shown', async () => {
    const { body } = await gateway.root.get('/v1/providers/several');
    expect(body.data.credentials).toEqual([
      { name: 'api_key', secret: true, required: true, description: null },
      { name: 'client_id', secret: false, required: true, description: 'From the dashboard.' },
      { name: 'client_secret', secret: true, required: true, description: null },
      { name: 'organisation', secret: false, required: false, description: null },
    ]);
    provider.answer(json(200, [{ ...bareItem('s'), note: Object.values(credentials) }]));
    const made = await create({ ...credentials, organisation: 'o/1' });
    expect(made.status).toBe(201);
    const first = await waitFor('the first sweep', () => accounts('several'), {
      until: (rows) => rows.length === 1,
    });
    expect(sentTo('/v1/organisations/o%2F1/integrations')?.headers).toMatchObject({
      authorization: `Bearer ${credentials.api_key}`,
      'x-client': credentials.client_id,
      'x-client-secret': credentials.client_secret,
    });
    const { text } = await gateway.root.get(`/v1/accounts/${first[0]?.id}?include=remote_data`);
    const shown = `${made.text}${text}`;
    for (const word of [credentials.api_key, credentials.client_secret])
      expect(shown).not.toContain(word);
    expect(text).toContain('client-1');
    const row = await gateway.database.prisma.connection.findUniqueOrThrow({
      where: { id: made.body.data.id },
    });
    expect(Buffer.from(row.credentials).toString('latin1')).not.toContain('word_');

    const changed = await gateway.root.patch(`/v1/connections/${made.body.data.id}`, {
      credentials: { ...credentials, client_id: 'client-2' },
      verify: false,
    });
    expect(changed.status).toBe(200);
    await gateway.sweep(made.body.data.id);
    expect(sentTo('/v1/organisations/own/integrations')?.headers['x-client']).toBe('client-2');
  });

  test.each([
    ['credentials.client_secret', { client_secret: undefined }],
    ['credentials.client_id', { client_id: ' ' }],
    ['credentials.api_key', { api_key: 7 }],
    ['credentials.other', { other: 'x' }],
  ])('are refused by %s', async (field, wrong) => {
    const refused = await create({ ...credentials, ...wrong });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ field }] } });
    expect(refused.text).not.toContain(credentials.api_key);
  });

  test('come from variables of their names, all that are needed or none', () => {
    const { credentials: schema } = severalAdapter;
    const known = [{ id: 'several', credentials: schema ? credentialFields(schema) : [] }];
    const own = {
      SEVERAL_API_KEY: 'k',
      SEVERAL_CLIENT_ID: 'c',
      SEVERAL_CLIENT_SECRET: 's',
      SEVERAL_ORGANISATION: '',
    };
    const read = (environment: NodeJS.ProcessEnv) =>
      readConfig(environment, known).providers.get('several');
    expect(read({ ...own, SEVERAL_BASE_URL: 'https://self.example/v1/' })).toEqual({
      credentials: { api_key: 'k', client_id: 'c', client_secret: 's' },
      baseUrl: 'https://self.example/v1',
    });
    expect(read({ SEVERAL_BASE_URL: 'https://self.example' })?.credentials).toBeUndefined();
    expect(() => read({ ...own, SEVERAL_CLIENT_SECRET: undefined })).toThrow(
      'SEVERAL_CLIENT_SECRET: is required with SEVERAL_API_KEY, SEVERAL_CLIENT_ID',
    );
  });
});

describe('credentials that expire', () => {
  const given = { client_id: 'c', client_secret: 'word_0123456789abcdef', refresh_token: 'first' };
  let answer = json(200, {});
  const tokens = () =>
    provider.requests
      .filter(({ url }) => url === '/v1/token')
      .map(({ body }) => new URLSearchParams(body).get('refresh_token'));
  const connected = async () => {
    const { body } = await gateway.root.get('/v1/connections');
    return body.data.find((row: { provider: string }) => row.provider === 'expiring');
  };

  test('are refreshed for sweeps, and what the environment gave does not replace them', async () => {
    answer = json(200, { access_token: 'access_1', refresh_token: 'second', expires_in: 3_600 });
    provider.answer((request, response) =>
      request.url === '/v1/token'
        ? answer(request, response)
        : json(200, [bareItem('e')])(request, response),
    );
    const own = {
      provider: 'expiring',
      name: 'env-expiring',
      source: 'environment',
      credentials: given,
      baseUrl: provider.baseUrl,
    } as const;
    await gateway.app.connections.ensure([own]);
    const { id, updated_at } = await connected();
    expect((await gateway.sweep(id)).state).toBe('succeeded');
    await gateway.app.connections.ensure([own]);
    expect((await connected()).updated_at).toBe(updated_at);
    await gateway.sweep(id);
    expect(tokens()).toEqual(['first']);
    expect(provider.requests.at(-1)?.headers.authorization).toBe('Bearer access_1');
  });

  test('whose refresh token may be spent are rejected in so many words, until others are given', async () => {
    const { id } = await connected();
    const change = (refresh_token: string) =>
      gateway.root.patch(`/v1/connections/${id}`, { credentials: { ...given, refresh_token } });
    answer = (_request, response) => response.destroy();
    expect((await change('third')).status).toBe(200);
    await gateway.sweep(id);
    await gateway.sweep(id);
    expect(await connected()).toMatchObject({
      state: 'credential_rejected',
      last_error: {
        code: 'credential_rejected',
        message: expect.stringContaining('Give the connection new credentials.'),
      },
    });
    answer = json(200, { access_token: 'access_4', refresh_token: 'fifth', expires_in: 3_600 });
    expect((await change('fourth')).status).toBe(200);
    await gateway.sweep(id);
    expect((await connected()).state).toBe('active');
    expect(tokens().filter((token) => token === 'third')).toHaveLength(1);
  });
});
