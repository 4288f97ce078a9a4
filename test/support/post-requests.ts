import type { ProviderName } from '../../sandbox/index.js';
import type { Client, Reply } from './client.js';
import type { Gateway } from './gateway.js';
import { RowsTeam } from './rows-team.js';
import { notYet } from './scheduled.js';
import { waitFor } from './wait.js';

/** A POST that is ready to be sent, in a team of its own. */
export interface PostRequest {
  readonly team: string;
  readonly client: Client;
  readonly path: string;
  readonly body?: object;
}

/** Prepares requests of POST routes, each with the resource that it changes. */
export interface PostTools {
  readonly gateway: Gateway;
  /** Where webhooks are taken. */
  readonly receiverUrl: string;
}

type Prepare = (tools: PostTools) => Promise<PostRequest>;

let made = 0;
const fresh = (what: string) => {
  made += 1;
  return `${what}${String(made).padStart(6, '0')}`;
};

async function begin({ gateway }: PostTools) {
  const { id, client } = await gateway.newTeam(fresh('team'));
  return { team: id, client };
}

async function withConnection(tools: PostTools, provider: ProviderName) {
  const begun = await begin(tools);
  return { ...begun, connection: await tools.gateway.connect(provider, begun.team) };
}

/** An account of its own at Outfame, which is active. */
async function withAccount(tools: PostTools) {
  const id = fresh('acc_D');
  tools.gateway.sandbox.provider('outfame').putAccount(id, { instagram_username: id });
  return { ...(await withConnection(tools, 'outfame')), id, ref: `outfame:${id}` };
}

async function withDisconnect(tools: PostTools, more: object) {
  const begun = await withAccount(tools);
  const request = { account_ids: [begun.ref], ...more };
  const { id } = await doneBy('disconnect', begun.client.post('/v1/disconnects', request));
  return { ...begun, address: `/v1/disconnects/${id}` };
}

async function withWebhook(tools: PostTools) {
  const begun = await begin(tools);
  const url = `${tools.receiverUrl}/${fresh('hook')}`;
  const request = { url, types: ['connection.created'] };
  const { id } = await doneBy('webhook', begun.client.post('/v1/webhooks', request));
  return { ...begun, address: `/v1/webhooks/${id}` };
}

/** A team whose accounts are rows: two of one person, one of another. */
async function withProfiles({ gateway }: PostTools) {
  const rows = await RowsTeam.begin(gateway, () => new Date());
  const platform_user_id = '17841400000000001';
  const held = [
    await rows.hold('octopost', 'acme', { platform_user_id }),
    await rows.hold('socialsyncer', 'acme', { platform_user_id }),
    await rows.hold('octopost', 'other'),
  ] as const;
  await settle(gateway);
  return { team: rows.id, client: rows.client, rows, held };
}

async function settle(gateway: Gateway): Promise<void> {
  for (const job of ['profiles.settle', 'findings.examine'])
    await gateway.app.recurringJobs.runNamed(job);
}

async function doneBy(what: string, request: Promise<Reply>): Promise<Reply['body']> {
  const { status, body } = await request;
  if (status >= 300) throw new Error(`${what}: ${JSON.stringify(body)}`);
  return body.data;
}

/** Every POST route that takes an Idempotency-Key. */
export const POST_REQUESTS: Readonly<Record<string, Prepare>> = {
  '/v1/teams': async (tools) => {
    const { team } = await begin(tools);
    return {
      team,
      client: tools.gateway.root,
      path: '/v1/teams',
      body: { name: fresh('made by a POST') },
    };
  },
  '/v1/keys': async (tools) => ({
    ...(await begin(tools)),
    path: '/v1/keys',
    body: { name: 'a key', scopes: ['read'] },
  }),
  '/v1/connections': async (tools) => ({
    ...(await begin(tools)),
    client: tools.gateway.root,
    path: '/v1/connections',
    body: {
      provider: 'octopost',
      name: fresh('octopost'),
      credentials: { api_key: tools.gateway.sandbox.apiKey('octopost') },
      base_url: tools.gateway.sandbox.baseUrl('octopost'),
    },
  }),
  '/v1/connections/{id}/sweep': async (tools) => {
    const begun = await withConnection(tools, 'octopost');
    return { ...begun, path: `/v1/connections/${begun.connection}/sweep` };
  },
  '/v1/connect': async (tools) => ({
    ...(await withConnection(tools, 'socialsyncer')),
    path: '/v1/connect',
    body: {
      provider: 'socialsyncer',
      platform: 'instagram',
      redirect_url: 'https://app.example/callback',
    },
  }),
  '/v1/connect/complete': async (tools) => {
    const begun = await withConnection(tools, 'socialsyncer');
    const asked = {
      provider: 'socialsyncer',
      platform: 'instagram',
      redirect_url: 'https://app.example/callback',
    };
    const { auth_url, state } = await doneBy('flow', begun.client.post('/v1/connect', asked));
    const agreed = await fetch(`${auth_url}&account_id=17841400777${fresh('')}`, {
      redirect: 'manual',
    });
    const code = new URL(agreed.headers.get('location') ?? '').searchParams.get('code');
    return { ...begun, path: '/v1/connect/complete', body: { state, code } };
  },
  '/v1/accounts': async (tools) => ({
    ...(await withConnection(tools, 'outfame')),
    path: '/v1/accounts',
    body: {
      provider: 'outfame',
      platform: 'instagram',
      username: fresh('created'),
      labels: { brand: 'acme' },
    },
  }),
  '/v1/accounts/{id}/probe': async (tools) => {
    const begun = await withAccount(tools);
    return { ...begun, path: `/v1/accounts/${begun.ref}/probe` };
  },
  '/v1/accounts/{id}/pause': async (tools) => {
    const begun = await withAccount(tools);
    return { ...begun, path: `/v1/accounts/${begun.ref}/pause` };
  },
  '/v1/accounts/{id}/resume': async (tools) => {
    const begun = await withAccount(tools);
    await doneBy('pause', begun.client.post(`/v1/accounts/${begun.ref}/pause`));
    return { ...begun, path: `/v1/accounts/${begun.ref}/resume` };
  },
  '/v1/profiles/{id}/merge': async (tools) => {
    const { team, client, rows, held } = await withProfiles(tools);
    const [one, , other] = held;
    return {
      team,
      client,
      path: `/v1/profiles/${await rows.profileOf(other)}/merge`,
      body: { into: await rows.profileOf(one) },
    };
  },
  '/v1/profiles/{id}/split': async (tools) => {
    const { team, client, rows, held } = await withProfiles(tools);
    return {
      team,
      client,
      path: `/v1/profiles/${await rows.profileOf(held[0])}/split`,
      body: { account_ids: [held[1]] },
    };
  },
  '/v1/profiles/{id}/history/{n}/revert': async (tools) => {
    const { team, client, rows, held } = await withProfiles(tools);
    const path = `/v1/profiles/${await rows.profileOf(held[0])}/split`;
    const { entry } = await doneBy('split', client.post(path, { account_ids: [held[1]] }));
    return {
      team,
      client,
      path: `/v1/profiles/${entry.profile_id}/history/${entry.id}/revert`,
      body: {},
    };
  },
  '/v1/findings/{id}/dismiss': async (tools) => {
    const { team, client } = await withProfiles(tools);
    const [finding] = await doneBy('findings', client.get('/v1/findings'));
    return { team, client, path: `/v1/findings/${finding.id}/dismiss`, body: { reason: 'known' } };
  },
  '/v1/disconnects': async (tools) => {
    const begun = await withAccount(tools);
    return { ...begun, path: '/v1/disconnects', body: { account_ids: [begun.ref] } };
  },
  '/v1/disconnects/{id}/cancel': async (tools) => {
    const begun = await withDisconnect(tools, { scheduled_at: notYet() });
    return { ...begun, path: `${begun.address}/cancel` };
  },
  '/v1/disconnects/{id}/approve': async (tools) => {
    const begun = await withAccount(tools);
    const asked = { name: 'asks', scopes: ['write'] };
    const key = await doneBy('key', begun.client.post('/v1/keys', asked));
    const request = { account_ids: [begun.ref], scheduled_at: notYet() };
    const { id } = await doneBy(
      'disconnect',
      tools.gateway.with(key.key).post('/v1/disconnects', request),
    );
    await begun.client.delete(`/v1/keys/${key.id}`);
    await waitFor(
      'the disconnect to wait for approval',
      async () => {
        await tools.gateway.app.recurringJobs.runNamed('disconnects.start_due');
        return (await begun.client.get(`/v1/disconnects/${id}`)).body.data.state;
      },
      { until: (state) => state === 'awaiting_approval' },
    );
    return { ...begun, path: `/v1/disconnects/${id}/approve` };
  },
  '/v1/disconnects/{id}/retry': async (tools) => {
    const begun = await withAccount(tools);
    const path = `/accounts/${begun.id}`;
    tools.gateway.sandbox
      .provider('outfame')
      .faults.add({ kind: 'forbidden', method: 'DELETE', path, times: 1 });
    const request = { account_ids: [begun.ref] };
    const { id } = await doneBy(
      'disconnect',
      begun.client.post('/v1/disconnects', request, { Prefer: 'wait=20' }),
    );
    return { ...begun, path: `/v1/disconnects/${id}/retry` };
  },
  '/v1/views': async (tools) => ({
    ...(await begin(tools)),
    path: '/v1/views',
    body: { name: fresh('view'), page: 'accounts', query: '' },
  }),
  '/v1/webhooks': async (tools) => ({
    ...(await begin(tools)),
    path: '/v1/webhooks',
    body: { url: `${tools.receiverUrl}/${fresh('hook')}`, types: ['connection.created'] },
  }),
  '/v1/webhooks/{id}/rotate': async (tools) => {
    const begun = await withWebhook(tools);
    return { ...begun, path: `${begun.address}/rotate` };
  },
  '/v1/webhooks/{id}/test': async (tools) => {
    const begun = await withWebhook(tools);
    return { ...begun, path: `${begun.address}/test` };
  },
  '/v1/webhooks/{id}/deliveries/{delivery_id}/replay': async (tools) => {
    const begun = await withWebhook(tools);
    await tools.gateway.connect('octopost', begun.team);
    const path = `${begun.address}/deliveries`;
    const delivery = await waitFor('a delivery to succeed', async () =>
      (await begun.client.get(path)).body.data.find(
        ({ state }: { state: string }) => state === 'succeeded',
      ),
    );
    return { ...begun, path: `${path}/${delivery.id}/replay` };
  },
};
