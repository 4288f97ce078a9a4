import type pg from 'pg';
import { lockUntilEnd } from '../../src/database/transact.js';
import type { Client } from '../support/client.js';
import { ALL_PROVIDERS, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { overtaken } from '../support/overtaken.js';
import { idsOf } from '../support/pages.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let admin: Client;
beforeAll(async () => {
  gateway = await startGateway();
  admin = (await gateway.newTeam('connectors')).client;
});
afterAll(() => gateway.stop());

type ProviderName = (typeof ALL_PROVIDERS)[number];
const access = (provider: ProviderName, key = gateway.sandbox.apiKey(provider)) => ({
  provider,
  credentials: { api_key: key },
  base_url: gateway.sandbox.baseUrl(provider),
});
const swept = (id: string) =>
  waitFor(
    'the first sweep to finish',
    async () => (await gateway.root.get(`/v1/connections/${id}/sweeps`)).body.data[0],
    { until: (sweep) => sweep.finished_at !== null },
  );

describe('POST /v1/connections', () => {
  test.each([...ALL_PROVIDERS])(
    'verifies the key of %s, sweeps at once, and never shows the key',
    async (provider) => {
      const made = await gateway.root.post('/v1/connections', {
        ...access(provider),
        name: `mine at ${provider}`,
      });
      expect(made).toMatchObject({
        status: 201,
        body: {
          data: {
            provider,
            name: `mine at ${provider}`,
            source: 'api',
            state: 'active',
            last_error: null,
          },
        },
      });
      const { id } = made.body.data;
      expect(made.headers.get('location')).toBe(`/v1/connections/${id}`);
      await swept(id);
      const shown = [
        made,
        await gateway.root.get(`/v1/connections/${id}`),
        await gateway.root.get('/v1/connections'),
        await gateway.root.get(`/v1/connections/${id}/sweeps`),
      ];
      for (const { text } of shown) expect(text).not.toContain(gateway.sandbox.apiKey(provider));
      expect((await gateway.root.get(`/v1/accounts?connection_id=${id}`)).body.data.length).toBe(
        gateway.sandbox.provider(provider).counts().accounts,
      );
    },
  );

  test('that the provider rejects is not made; with verify false it is, and its sweep tells', async () => {
    const wrong = access('outfame', 'not-the-key');
    const before = (await gateway.root.get('/v1/connections?limit=200')).body.data.length;
    expect(await gateway.root.post('/v1/connections', wrong)).toMatchObject({
      status: 502,
      body: { code: 'provider_credential_rejected', fault: 'connection' },
    });
    gateway.sandbox.provider('octopost').faults.add({ kind: 'down' });
    expect(await gateway.root.post('/v1/connections', access('octopost'))).toMatchObject({
      status: 502,
      body: { code: 'provider_error' },
    });
    gateway.sandbox.provider('octopost').faults.clear();
    expect((await gateway.root.get('/v1/connections?limit=200')).body.data).toHaveLength(before);

    const made = await gateway.root.post('/v1/connections', {
      ...wrong,
      name: 'unverified',
      verify: false,
    });
    expect(made.status).toBe(201);
    await swept(made.body.data.id);
    const shown = (await gateway.root.get(`/v1/connections/${made.body.data.id}`)).body.data;
    expect(shown).toMatchObject({
      state: 'credential_rejected',
      last_error: { code: 'credential_rejected' },
    });
    expect((await gateway.root.delete(`/v1/connections/${made.body.data.id}`)).status).toBe(204);
  });

  test('names itself when it is not named, and takes no name twice in a team', async () => {
    const { client, id: team } = await gateway.newTeam('namers');
    const names = [];
    for (let turn = 0; turn < 3; turn++) {
      const made = await gateway.root.post(
        '/v1/connections',
        { ...access('octopost'), verify: false },
        { 'Rollcall-Team': team },
      );
      names.push(made.body.data.name);
    }
    expect(names).toEqual(['octopost', 'octopost-2', 'octopost-3']);
    const again = await client.post('/v1/connections', {
      provider: 'octopost',
      credentials: { api_key: 'any' },
      name: 'octopost',
      verify: false,
    });
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const { data } = (await client.get('/v1/connections')).body;
    expect(
      (await client.patch(`/v1/connections/${data[1].id}`, { name: 'octopost' })).body.code,
    ).toBe('conflict');
  });

  test('has a connect flow name one of several', async () => {
    const { client, id: team } = await gateway.newTeam('several connections');
    const body = { ...access('socialsyncer'), verify: false };
    for (let turn = 0; turn < 2; turn++)
      await gateway.root.post('/v1/connections', body, { 'Rollcall-Team': team });
    const flow = { provider: 'socialsyncer', platform: 'twitter' };
    const asked = await client.post('/v1/connect', { ...flow, redirect_url: 'https://a.example' });
    expect(asked.body.errors[0].field).toBe('connection_id');
  });

  test.each([
    ['provider', { provider: 'myspace', credentials: { api_key: 'k' } }],
    ['provider', { credentials: { api_key: 'k' } }],
    ['credentials', { provider: 'outfame' }],
    ['credentials.api_key', { provider: 'outfame', credentials: {} }],
    ['credentials.api_key', { provider: 'outfame', credentials: { api_key: ' ' } }],
    ['credentials.api_key', { provider: 'outfame', credentials: { api_key: 7 } }],
    ['credentials.secret', { provider: 'outfame', credentials: { api_key: 'k', secret: 's' } }],
    [
      'sweep_interval_seconds',
      { provider: 'outfame', credentials: { api_key: 'k' }, sweep_interval_seconds: 9 },
    ],
    [
      'sweep_interval_seconds',
      { provider: 'outfame', credentials: { api_key: 'k' }, sweep_interval_seconds: 86_401 },
    ],
    [
      'sweep_interval_seconds',
      { provider: 'outfame', credentials: { api_key: 'k' }, sweep_interval_seconds: 60.5 },
    ],
    ['name', { provider: 'outfame', credentials: { api_key: 'k' }, name: '' }],
    ['verify', { provider: 'outfame', credentials: { api_key: 'k' }, verify: 'no' }],
    [
      'base_url',
      { provider: 'outfame', credentials: { api_key: 'k' }, base_url: 'file:///etc/passwd' },
    ],
    [
      'base_url',
      {
        provider: 'outfame',
        credentials: { api_key: 'k' },
        base_url: 'https://user:password@api.example/v1',
      },
    ],
    [
      'base_url',
      {
        provider: 'outfame',
        credentials: { api_key: 'k' },
        base_url: 'https://api.example/v1?key=1',
      },
    ],
  ])('with a bad %s is refused', async (field, request) => {
    expect(await gateway.root.post('/v1/connections', request)).toMatchObject({
      status: 422,
      body: { code: 'validation_error', errors: [{ field }] },
    });
  });

  test('takes an address of its own from root alone', async () => {
    expect((await admin.post('/v1/connections', access('outfame'))).body.code).toBe('forbidden');
    const made = await admin.post('/v1/connections', {
      provider: 'outfame',
      credentials: { api_key: 'k' },
      verify: false,
    });
    expect(made.status).toBe(201);
    expect(
      (
        await admin.patch(`/v1/connections/${made.body.data.id}`, {
          base_url: 'http://127.0.0.1:1/v1',
        })
      ).body.code,
    ).toBe('forbidden');
    expect(
      (await admin.patch(`/v1/connections/${made.body.data.id}`, { base_url: null })).body.code,
    ).toBe('forbidden');
  });

  test('a key that HTTP cannot carry is refused by its name, and nobody is asked', async () => {
    const { requests } = gateway.sandbox.provider('creatoraudit').counts();
    for (const key of ['line\nbreak', 'nul\u007f', '🔑', 'copied_…', 'Ā']) {
      const reply = await gateway.root.post('/v1/connections', access('creatoraudit', key));
      expect([key, reply.status, reply.body.errors?.[0]?.field]).toEqual([
        key,
        422,
        'credentials.api_key',
      ]);
    }
    expect(gateway.sandbox.provider('creatoraudit').counts().requests).toBe(requests);
    // What Latin-1 holds is the provider's to refuse, blanks around a copied key are nobody's.
    const carried = await gateway.root.post('/v1/connections', access('creatoraudit', 'naïve'));
    expect(carried.body).toMatchObject({ code: 'provider_credential_rejected' });
    expect(carried.body.detail).toContain('Send a working key');
  });
});

test('without a name, connections that are made or named at once get names that are free', async () => {
  const { id } = await gateway.newTeam('unnamed');
  const make = () =>
    gateway.root.post('/v1/connections', access('outfame'), { 'Rollcall-Team': id });
  const first = (await make()).body.data.id;
  const { pool } = gateway.database;
  // As another replica does that names a connection at the same moment.
  const rename = async (session: pg.ClientBase) => {
    await lockUntilEnd(session, `names of connections of ${id}`);
    await session.query(`UPDATE connections SET name = 'outfame-2' WHERE id = $1`, [first]);
  };
  const made = await overtaken(pool, rename, 1, make);
  expect([made.status, made.body.data?.name]).toEqual([201, 'outfame']);
  const more = await Promise.all([1, 2, 3].map(make));
  expect(more.map(({ body }) => body.data?.name).sort()).toEqual([
    'outfame-3',
    'outfame-4',
    'outfame-5',
  ]);
});

describe('PATCH and DELETE /v1/connections/{id}', () => {
  test('change what is given and leave the rest', async () => {
    const made = (
      await gateway.root.post('/v1/connections', { ...access('octopost'), name: 'to change' })
    ).body.data;
    await swept(made.id);
    const path = `/v1/connections/${made.id}`;
    const changed = await gateway.root.patch(path, { name: 'changed', sweep_interval_seconds: 60 });
    expect(changed.body.data).toMatchObject({
      name: 'changed',
      sweep_interval_seconds: 60,
      base_url: made.base_url,
      state: 'active',
    });
    expect(new Date(changed.body.data.next_sweep_at).getTime()).toBeLessThan(Date.now() + 61_000);
    expect((await gateway.root.patch(path, {})).body.data.name).toBe('changed');
    for (const change of [
      { provider: 'outfame' },
      { source: 'sandbox' },
      { name: null },
      { credentials: null },
    ]) {
      expect((await gateway.root.patch(path, change)).status).toBe(422);
    }
  });

  test('a wrong new key changes nothing', async () => {
    const made = (
      await gateway.root.post('/v1/connections', { ...access('octopost'), name: 'to spoil' })
    ).body.data;
    await swept(made.id);
    const refused = await gateway.root.patch(`/v1/connections/${made.id}`, {
      name: 'spoilt',
      credentials: { api_key: 'wrong' },
    });
    expect(refused.body.code).toBe('provider_credential_rejected');
    expect((await gateway.root.get(`/v1/connections/${made.id}`)).body.data).toMatchObject({
      name: 'to spoil',
      state: 'active',
    });
    expect((await gateway.sweep(made.id)).state).toBe('succeeded');
  });

  test('forgetting it forgets its accounts here and disconnects nothing there', async () => {
    const made = (
      await gateway.root.post('/v1/connections', { ...access('socialsyncer'), name: 'to forget' })
    ).body.data;
    await swept(made.id);
    const [account] = (await gateway.root.get(`/v1/accounts?connection_id=${made.id}`)).body.data;
    const deletes = gateway.sandbox.provider('socialsyncer').counts().deletes;
    expect((await gateway.root.delete(`/v1/connections/${made.id}`)).status).toBe(204);
    expect((await gateway.root.get(`/v1/connections/${made.id}`)).status).toBe(404);
    expect((await gateway.root.delete(`/v1/connections/${made.id}`)).status).toBe(404);
    expect((await gateway.root.get(`/v1/accounts/${account.id}`)).status).toBe(404);
    expect(gateway.sandbox.provider('socialsyncer').counts().deletes).toEqual(deletes);
  });

  test('it cannot be forgotten while a disconnect of its accounts goes on', async () => {
    const made = (
      await gateway.root.post('/v1/connections', { ...access('octopost'), name: 'busy' })
    ).body.data;
    await swept(made.id);
    gateway.sandbox
      .provider('octopost')
      .faults.add({ kind: 'slow', method: 'DELETE', delay_ms: 400 });
    const [account] = (
      await gateway.root.get(`/v1/accounts?connection_id=${made.id}&username=acmefitnessclub`)
    ).body.data;
    expect(
      (await gateway.root.delete(`/v1/accounts/${account.id}`, { Prefer: 'respond-async' })).status,
    ).toBe(202);
    expect((await gateway.root.delete(`/v1/connections/${made.id}`)).body.code).toBe('conflict');
    await waitFor(
      'the account to be disconnected',
      async () => (await gateway.root.get(`/v1/accounts/${account.id}`)).body.data.status,
      { until: (status) => status === 'disconnected' },
    );
    expect((await gateway.root.delete(`/v1/connections/${made.id}`)).status).toBe(204);
  });
});

test('connections are listed page by page, each once', async () => {
  const all = (await gateway.root.get('/v1/connections?limit=200')).body.data.map(
    ({ id }: { id: string }) => id,
  );
  expect(await idsOf(gateway.root, '/v1/connections?limit=2')).toEqual(all);
});
