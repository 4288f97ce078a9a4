import type { LogFields, Logger } from '../../src/lib/logger.js';
import { makeKey } from '../../src/teams/key-format.js';
import { json, type SmallProvider, startSmallProvider } from '../providers/small-provider.js';
import { Canaries, dump } from '../support/canaries.js';
import type { Reply } from '../support/client.js';
import { ALL_PROVIDERS, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';

const canaries = new Canaries();
const logged: string[] = [];
const log = (message: string, fields?: LogFields) => logged.push(JSON.stringify([message, fields]));
const logger: Logger = { error: log, warn: log, info: log, debug: log };

let gateway: Gateway;
let receiver: Receiver;
let parrot: SmallProvider;
beforeAll(async () => {
  [gateway, receiver, parrot] = await Promise.all([
    startGateway({ logger }),
    startReceiver(),
    startSmallProvider(),
  ]);
  canaries.watch('the root key', gateway.root.key ?? '');
  for (const provider of ALL_PROVIDERS)
    canaries.watch(`the key of ${provider}`, gateway.sandbox.apiKey(provider));
});
afterAll(async () => {
  receiver.stop();
  await parrot.close();
  await gateway.stop();
});

const errorObject = (said: string) => ({
  code: said,
  message: `The key ${said} is no good.`,
  type: said,
});
/** As SocialSyncer tells its errors. */
const errorText = (said: string) => `The code ${said} is no good.`;

/** A provider that answers with all that it was asked, in every place that a client may read. */
const repeat = (status: number, errorOf: (said: string) => unknown = errorObject) =>
  parrot.answer(({ headers, url }, response) => {
    const said = [...Object.values(headers).flat(), url, parrot.requests.at(-1)?.body].join(' ');
    const body = {
      success: false,
      error: errorOf(said),
      message: said,
      code: said,
      detail: said,
      data: { id: said, note: said },
    };
    response
      .writeHead(status, { 'content-type': 'application/json', 'x-request-id': said.slice(0, 200) })
      .end(JSON.stringify(body));
  });

const expectSecrecy = (reply: Reply) => {
  const headers = [...reply.headers].map((header) => header.join(': ')).join('\n');
  expect({ reply: reply.text, shows: canaries.shownIn(`${headers}\n${reply.text}`) }).toMatchObject(
    { shows: [] },
  );
  return reply;
};
const expectRefusal = (reply: Reply) => {
  expect(reply.status).toBeGreaterThanOrEqual(400);
  return expectSecrecy(reply);
};

test('in headers', async () => {
  const secret = canaries.make('Authorization');
  const stranger = canaries.watch(
    'a key that is none of ours',
    makeKey('key_01k9z3m8q4v7x2c5n6b8a1s3d4'),
  );
  const authorizations = [
    `Bearer ${secret}`,
    `Basic ${secret}`,
    secret,
    `Bearer ${stranger}`,
    `Bearer rc_${secret}_${secret}`,
  ];
  for (const Authorization of authorizations) {
    expectRefusal(await gateway.with(undefined).get('/v1/accounts', { Authorization }));
    expectRefusal(
      await gateway
        .with(undefined)
        .post('/v1/keys', {}, { Authorization, 'Idempotency-Key': 'one' }),
    );
  }
  for (const name of ['Rollcall-Team', 'If-Match', 'Accept', 'Content-Type']) {
    const value = canaries.make(name);
    expectRefusal(await gateway.root.delete(`/v1/keys/none`, { [name]: value }));
    expectSecrecy(
      await gateway.root.post('/v1/teams', { name: 'a team to find' }, { [name]: value }),
    );
  }
  for (const name of [
    'Cookie',
    'X-Api-Key',
    'If-None-Match',
    'Prefer',
    'traceparent',
    'User-Agent',
  ]) {
    expectSecrecy(await gateway.root.get('/v1/accounts', { [name]: canaries.make(name) }));
  }
  expectRefusal(
    await gateway.root.get('/v1/events/stream', {
      'Last-Event-ID': canaries.make('Last-Event-ID'),
    }),
  );
});

test('in queries and bodies that are refused', async () => {
  const secret = canaries.make('a refused input');
  const names = [
    'api_key',
    'limit',
    'cursor',
    'updated_since',
    'order_by',
    'provider',
    'include',
    'label[]',
    'include_total',
  ];
  for (const name of names) expectRefusal(await gateway.root.get(`/v1/accounts?${name}=${secret}`));
  for (const path of ['/v1/events?after=', '/v1/health/changes?since='])
    expectRefusal(await gateway.root.get(path + secret));
  const json = { 'Content-Type': 'application/json' };
  for (const route of gateway.app.routes.filter(
    ({ method, scope }) => scope !== 'public' && ['POST', 'PATCH'].includes(method),
  )) {
    const path = route.path.replace(/\{\w+\}/g, 'nothing');
    for (const text of [
      `{"api_key":"${secret}"`,
      `"${secret}"`,
      `["${secret}"]`,
      secret,
      `{"unknown":"${secret}"}`,
    ]) {
      expectRefusal(await gateway.root.send(route.method, path, text, json));
      if (route.method === 'POST') {
        const key = `${path}${text.length}`.replace(/[^a-z0-9]/g, '.');
        expectRefusal(
          await gateway.root.send(route.method, path, text, { ...json, 'Idempotency-Key': key }),
        );
      }
    }
  }
  for (const body of [
    { name: { secret } },
    { name: 'x', scopes: [secret] },
    { name: 'x', scopes: ['read'], expires_at: secret },
  ]) {
    expectRefusal(await gateway.root.post('/v1/keys', body));
  }
  expectRefusal(
    await gateway.root.post('/v1/webhooks', {
      url: `http://user:${secret}@127.0.0.1:1/`,
      types: [secret],
    }),
  );
});

test('as the credentials of connections, at providers that repeat them', async () => {
  for (const provider of ALL_PROVIDERS) {
    const create = (key: string, base_url: string, more: object = {}) =>
      gateway.root.post('/v1/connections', {
        provider,
        credentials: { api_key: canaries.watch(`${key} of ${provider}`, canaries.make(key)) },
        base_url,
        ...more,
      });
    expectRefusal(await create('a wrong key', gateway.sandbox.baseUrl(provider)));
    const credentials = {
      api_key: canaries.make('a key beside another'),
      token: canaries.make('a field beside the key'),
    };
    expectRefusal(await gateway.root.post('/v1/connections', { provider, credentials }));
    for (const status of [200, 400, 401, 403, 404, 422, 429, 500]) {
      repeat(status);
      expectSecrecy(await create(`a key that ${status} repeats`, parrot.baseUrl));
      repeat(status, errorText);
      expectSecrecy(await create(`a key that ${status} repeats in a text`, parrot.baseUrl));
    }
    for (const status of [200, 401, 500]) {
      repeat(status);
      const name = `${provider} ${status}`;
      const { id } = expectSecrecy(
        await create(`an untried key, ${status}`, parrot.baseUrl, { verify: false, name }),
      ).body.data;
      await gateway.sweep(id);
      const replacement = { api_key: canaries.make(`another key, ${status}`) };
      expectSecrecy(
        await gateway.root.patch(`/v1/connections/${id}`, { credentials: replacement }),
      );
      expectSecrecy(await gateway.root.get(`/v1/connections/${id}/sweeps`));
    }
    const id = await gateway.connect(provider);
    expectRefusal(
      await gateway.root.patch(`/v1/connections/${id}`, {
        credentials: { api_key: canaries.make('a wrong new key') },
      }),
    );
  }
});

test('in what a provider says of accounts', async () => {
  const key = gateway.sandbox.apiKey('octopost');
  gateway.sandbox.provider('octopost').putAccount('acc_abc123', {
    username: key,
    display_name: `mine ${key}`,
    avatar_url: `https://cdn.example/${key}`,
    note: key,
  });
  expectSecrecy(await gateway.root.post('/v1/accounts/octopost:acc_abc123/probe'));
  expectSecrecy(await gateway.root.get('/v1/accounts/octopost:acc_abc123?include=remote_data'));
  expectSecrecy(await gateway.root.get('/v1/accounts/octopost:acc_abc123/health'));
});

test('that we make: keys and the secrets of webhooks', async () => {
  const keyed = { 'Idempotency-Key': 'once' };
  const { key } = (await gateway.root.post('/v1/keys', { name: 'ours', scopes: ['admin'] }, keyed))
    .body.data;
  canaries.watch('a key of ours', key);
  expect(
    (await gateway.root.post('/v1/keys', { name: 'ours', scopes: ['admin'] }, keyed)).body.data.key,
  ).toBe(key);
  expectRefusal(await gateway.root.post('/v1/keys', { name: 'another', scopes: ['admin'] }, keyed));
  expectSecrecy(await gateway.with(key).get('/v1/whoami'));

  receiver.answerWith((response, { headers, body }) =>
    response.end(JSON.stringify(headers) + body),
  );
  const { id, secret } = (
    await gateway.root.post('/v1/webhooks', { url: receiver.url }, { 'Idempotency-Key': 'hook' })
  ).body.data;
  const rotated = (
    await gateway.root.post(`/v1/webhooks/${id}/rotate`, undefined, {
      'Idempotency-Key': 'rotation',
    })
  ).body.data.secret;
  for (const each of [secret, rotated]) {
    canaries.watch(`the text of ${each}`, each);
    canaries.watch(`the bytes of ${each}`, each.slice('whsec_'.length));
  }
  expectSecrecy(await gateway.root.post(`/v1/webhooks/${id}/test`));
  expectSecrecy(await gateway.root.get(`/v1/webhooks/${id}/deliveries`));
});

test('in the path and the query of a webhook, which its team alone may read', async () => {
  const { client } = await gateway.newTeam('hooks');
  const path = canaries.make('the path of a webhook');
  const query = canaries.make('the query of a webhook');
  const url = `${receiver.url}/${path}?token=${query}`;
  const { id } = (await client.post('/v1/webhooks', { url }, { 'Idempotency-Key': 'hook' })).body
    .data;
  expect((await client.get(`/v1/webhooks/${id}`)).body.data.url).toBe(url);
  expect(
    (await client.patch(`/v1/webhooks/${id}`, { url: `${url}&again=${query}` })).body.data.url,
  ).toContain(query);
  expectRefusal(
    await client.patch(`/v1/webhooks/${id}`, { url: `http://10.0.0.1/${path}?token=${query}` }),
  );
  receiver.answerWith((response) => response.writeHead(410).end('gone'));
  await client.post('/v1/connections', {
    provider: 'outfame',
    credentials: { api_key: 'k' },
    verify: false,
  });
  const events = () => client.get('/v1/events?type=webhook.disabled');
  await waitFor('the webhook to be disabled', async () => (await events()).body.data, {
    until: ({ length }) => length > 0,
  });
  // Other tests' webhooks end at this receiver too: what arrives late may be theirs.
  expect(receiver.received.map((delivery) => delivery.path)).toContain(
    `/${path}?token=${query}&again=${query}`,
  );
  expect((await events()).body.data[0].data.webhook.url).toBe(receiver.url);
  expectSecrecy(await client.post(`/v1/webhooks/${id}/test`));
  receiver.answerWith((response) => response.destroy());
  expectSecrecy(await client.post(`/v1/webhooks/${id}/test`));
  for (const place of [`/v1/webhooks/${id}/deliveries`, '/v1/events', '/v1/audit'])
    expectSecrecy(await client.get(place));
  expect((await client.get('/v1/audit')).text).toContain(receiver.url);
});

test('of the connect flow', async () => {
  const team = await gateway.newTeam('flow');
  await gateway.connect('socialsyncer', team.id);
  const request = {
    provider: 'socialsyncer',
    platform: 'instagram',
    redirect_url: 'https://app.example/callback?from=rollcall',
  };
  const started = await team.client.post('/v1/connect', request, { 'Idempotency-Key': 'flow' });
  expect(started.status).toBe(201);
  const state = canaries.watch('a state', started.body.data.state);
  const code = canaries.make('a code');
  expectRefusal(
    await team.client.post('/v1/connect/complete', { state, code }, { 'Idempotency-Key': 'done' }),
  );
  expectRefusal(
    await team.client.post('/v1/connect/complete', { state: canaries.make('a wrong state'), code }),
  );
});

test.each([200, 400, 401, 403, 404, 422, 429, 500])(
  'of the connect flow, at a provider that repeats them with %s',
  async (status) => {
    const flow = await gateway.newTeam(`a flow that ${status} ends`);
    parrot.answer(json(200, { accounts: [], authUrl: 'https://network.example/agree' }));
    const access = {
      credentials: { api_key: canaries.make('a key of a flow') },
      base_url: parrot.baseUrl,
      verify: false,
    };
    const acting = { 'Rollcall-Team': flow.id };
    expect(
      (await gateway.root.post('/v1/connections', { provider: 'socialsyncer', ...access }, acting))
        .status,
    ).toBe(201);
    const request = {
      provider: 'socialsyncer',
      platform: 'instagram',
      redirect_url: 'https://app.example/callback',
    };
    const started = await flow.client.post('/v1/connect', request);
    expect(started.status).toBe(201);
    const state = canaries.watch(`a state that ${status} repeats`, started.body.data.state);
    const code = canaries.make(`a code that ${status} repeats`);
    repeat(status, errorText);
    const completed = expectRefusal(
      await flow.client.post('/v1/connect/complete', { state, code }),
    );
    if (status >= 400)
      expect(completed.body.provider).toMatchObject({
        status,
        message: expect.stringContaining('[redacted]'),
      });
    const sent = () => parrot.requests.findLast(({ url }) => url.includes('/connect/'));
    expect(JSON.parse(sent()?.body ?? '')).toMatchObject({
      code,
      redirect_url: expect.stringContaining(state),
    });

    const refused = await flow.client.post('/v1/connect', request);
    const unseen =
      new URL(sent()?.url ?? '', parrot.baseUrl).searchParams.get('redirect_url') ?? state;
    canaries.watch(
      `a state that a start with ${status} repeats`,
      new URL(unseen).searchParams.get('state') ?? '',
    );
    expectRefusal(refused);
    expectSecrecy(await gateway.root.get('/v1/events?limit=200', acting));
  },
);

test('on their way into a database that fails', async () => {
  await gateway.asOwner('ALTER TABLE connections RENAME TO connections_away');
  const credentials = { api_key: canaries.make('a key without a table') };
  const broken = await gateway.root.post('/v1/connections', {
    provider: 'outfame',
    credentials,
    verify: false,
  });
  await gateway.asOwner('ALTER TABLE connections_away RENAME TO connections');
  expectRefusal(broken);
});

test('appear nowhere', async () => {
  for (const path of [
    '/v1/events?limit=200',
    '/v1/audit?limit=200',
    '/v1/connections?limit=200',
    '/v1/keys',
    '/v1/webhooks',
    '/v1/accounts?limit=200&include=remote_data',
    '/metrics',
  ]) {
    expectSecrecy(await gateway.root.get(path));
  }
  const tables = await dump(gateway.database.pool);
  const telling = [...tables]
    .map(([table, text]) => ({ table, shows: canaries.shownIn(text) }))
    .filter(({ shows }) => shows.length > 0);
  expect(telling).toEqual([]);
  const lines = logged
    .map((line) => ({ line, shows: canaries.shownIn(line) }))
    .filter(({ shows }) => shows.length > 0);
  expect(lines).toEqual([]);
  // Else nothing was looked at.
  expect(tables.get('public.teams')).toContain('a team to find');
  expect(logged.length).toBeGreaterThan(200);
});
