import type { Gateway } from '../support/gateway.js';
import { ALL_PROVIDERS } from '../support/gateway.js';
import type { Receiver } from '../support/receiver.js';
import { readStream } from '../support/stream.js';
import type { Ask } from './coverage.js';

/** Ids of root's team that exist, by the word after `/v1/` in the paths that take them. */
export type Ids = Readonly<Record<string, readonly string[]>>;

const CALLBACK = 'https://nobody.invalid/callback';
const FINISHED = { Prefer: 'wait=20' };

/**
 * Calls with root's key, in an order in which each can succeed, every operation that needs more
 * than a request to do so.
 */
export async function journey(gateway: Gateway, receiver: Receiver, ask: Ask): Promise<Ids> {
  const connections = await connectAll(gateway, ask);
  await useAccounts(ask);
  await connectOverFlow(ask);
  const disconnects = await disconnectSome(gateway, ask);
  const { webhook, deliveries } = await useWebhooks(gateway, receiver, ask);
  const team = (await ask('POST', '/v1/teams', { name: 'of the journey' })).body.data.id;
  await ask('GET', `/v1/teams/${team}`);
  const key = (await ask('POST', '/v1/keys', { name: 'kept', scopes: ['read'] })).body.data.id;
  const revoked = (await ask('POST', '/v1/keys', { name: 'revoked', scopes: ['read'] })).body.data
    .id;
  await ask('GET', `/v1/keys/${key}`);
  await ask('DELETE', `/v1/keys/${revoked}`);
  const views = await useViews(ask);
  const accounts = (await ask('GET', '/v1/accounts?limit=200')).body.data.map(
    ({ id }: { id: string }) => id,
  );
  const profiles = (await ask('GET', '/v1/profiles?limit=200')).body.data.map(
    ({ id }: { id: string }) => id,
  );
  for (const below of ['', '/history']) await ask('GET', `/v1/profiles/${profiles[0]}${below}`);
  await chooseProfiles(ask);
  const findings = await dismissOne(gateway, ask);
  return {
    connections,
    accounts,
    profiles,
    findings,
    disconnects,
    webhooks: [webhook],
    deliveries,
    teams: [team],
    keys: [key],
    views,
  };
}

/** @returns the ids of findings */
async function dismissOne(gateway: Gateway, ask: Ask): Promise<string[]> {
  await gateway.app.recurringJobs.runNamed('findings.examine');
  const { data } = (await ask('GET', '/v1/findings')).body;
  const ids = data.map(({ id }: { id: string }) => id);
  await ask('POST', `/v1/findings/${ids[0]}/dismiss`, { reason: 'meant to be so' });
  return ids;
}

/** Merges two profiles by hand, takes that back, splits one and leaves it to the rules again. */
async function chooseProfiles(ask: Ask): Promise<void> {
  const find = async (query: string) => (await ask('GET', `/v1/profiles?${query}`)).body.data[0];
  const [one, other] = [
    await find('q=yourhandle&provider=outfame'),
    await find('q=VelvetHammer_Gym&provider=outfame'),
  ];
  const merged = await ask('POST', `/v1/profiles/${one.id}/merge`, { into: other.id });
  const survivor = `/v1/profiles/${merged.body.data.profile_id}`;
  const history = (await ask('GET', `${survivor}/history`)).body.data;
  const choice = history.find(({ actor }: { actor: object | null }) => actor !== null);
  await ask('POST', `${survivor}/history/${choice.id}/revert`, {});
  const several = await find('provider_count=2&match=weak');
  const { id } = several.members[1].account;
  await ask('POST', `/v1/profiles/${several.id}/split`, { account_ids: [id] });
  await ask('PUT', `/v1/accounts/${id}/profile`, { mode: 'automatic' });
  const ended = await find('q=acmefitness.bsky.social');
  await ask('DELETE', `/v1/profiles/${ended.id}`, undefined, FINISHED);
}

async function connectAll(gateway: Gateway, ask: Ask): Promise<string[]> {
  const connections: string[] = [];
  for (const provider of ALL_PROVIDERS) {
    const access = {
      provider,
      credentials: { api_key: gateway.sandbox.apiKey(provider) },
      base_url: gateway.sandbox.baseUrl(provider),
    };
    const { id } = (await ask('POST', '/v1/connections', access)).body.data;
    await gateway.sweep(id);
    connections.push(id);
  }
  return connections;
}

async function useAccounts(ask: Ask): Promise<void> {
  await ask('POST', '/v1/accounts', {
    provider: 'outfame',
    platform: 'instagram',
    username: 'journey.one',
  });
  const account = '/v1/accounts/outfame:acc_7Gx2kLm9Qr';
  for (const post of ['pause', 'resume', 'probe']) await ask('POST', `${account}/${post}`);
  for (const part of ['activity', 'stats', 'health']) await ask('GET', `${account}/${part}`);
  await ask('PATCH', account, { labels: { of: 'journey' } });
}

async function connectOverFlow(ask: Ask): Promise<void> {
  const request = { provider: 'socialsyncer', platform: 'instagram', redirect_url: CALLBACK };
  const { auth_url, state } = (await ask('POST', '/v1/connect', request)).body.data;
  const agreed = await fetch(`${auth_url}&account_id=17841400999111222`, { redirect: 'manual' });
  const code = new URL(agreed.headers.get('location') ?? '').searchParams.get('code');
  await ask('POST', '/v1/connect/complete', { state, code });
}

async function disconnectSome(gateway: Gateway, ask: Ask): Promise<string[]> {
  const single = (await ask('DELETE', '/v1/accounts/outfame:acc_aCme2Run00', undefined, FINISHED))
    .body.data.id;
  for (const part of ['', '/steps', '/receipt'])
    await ask('GET', `/v1/disconnects/${single}${part}`);

  const later = {
    account_ids: ['outfame:acc_Tim1Zone00', 'outfame:acc_Cap1Case00'],
    scheduled_at: '2100-01-01T00:00:00Z',
  };
  const cancelled = (await ask('POST', '/v1/disconnects', later)).body.data.id;
  await ask('POST', `/v1/disconnects/${cancelled}/cancel`);

  const asker = (await ask('POST', '/v1/keys', { name: 'asker', scopes: ['admin'] })).body.data;
  const waiting = (await gateway.with(asker.key).post('/v1/disconnects', later)).body.data.id;
  await ask('DELETE', `/v1/keys/${asker.id}`);
  await gateway.app.recurringJobs.runNamed('disconnects.start_due');
  await ask('POST', `/v1/disconnects/${waiting}/approve`);

  const refusal = {
    kind: 'forbidden',
    method: 'DELETE',
    path: '/accounts/acc_Twin00Same',
    times: 1,
  } as const;
  gateway.sandbox.provider('outfame').faults.add(refusal);
  const refused = (
    await ask('POST', '/v1/disconnects', { account_ids: ['outfame:acc_Twin00Same'] }, FINISHED)
  ).body.data.id;
  await ask('POST', `/v1/disconnects/${refused}/retry`, undefined, FINISHED);
  return [single, cancelled, waiting, refused];
}

async function useWebhooks(
  gateway: Gateway,
  receiver: Receiver,
  ask: Ask,
): Promise<{ webhook: string; deliveries: string[] }> {
  const create = async () =>
    (await ask('POST', '/v1/webhooks', { url: receiver.url, types: ['connection.created'] })).body
      .data.id;
  await ask('DELETE', `/v1/webhooks/${await create()}`);
  const webhook = await create();
  await ask('GET', `/v1/webhooks/${webhook}`);
  await ask('PATCH', `/v1/webhooks/${webhook}`, { description: 'of the journey' });
  await ask('POST', `/v1/webhooks/${webhook}/rotate`);
  await ask('POST', `/v1/webhooks/${webhook}/test`);

  // Only the delivery of a real event can be replayed.
  const access = {
    credentials: { api_key: 'unused' },
    base_url: gateway.sandbox.baseUrl('octopost'),
    verify: false,
  };
  const forgotten = (await ask('POST', '/v1/connections', { provider: 'octopost', ...access })).body
    .data.id;
  await ask('DELETE', `/v1/connections/${forgotten}`);
  await receiver.until('the webhook of the connection', () =>
    receiver.received.some(({ body }) => body.includes(forgotten)),
  );
  const { data } = (await ask('GET', `/v1/webhooks/${webhook}/deliveries`)).body;
  const delivery = data.find(
    ({ event_type }: { event_type: string }) => event_type === 'connection.created',
  ).id;
  await ask('POST', `/v1/webhooks/${webhook}/deliveries/${delivery}/replay`);
  return { webhook, deliveries: [delivery] };
}

async function useViews(ask: Ask): Promise<string[]> {
  const save = async (name: string) =>
    (await ask('POST', '/v1/views', { name, page: 'accounts', query: 'q=x' })).body.data.id;
  const [kept, deleted] = [await save('kept'), await save('deleted')];
  await ask('GET', `/v1/views/${kept}`);
  await ask('PATCH', `/v1/views/${kept}`, { name: 'renamed' });
  await ask('DELETE', `/v1/views/${deleted}`);
  return [kept];
}

/** What takes the console's cookie instead of a key. @param ask without a key */
export async function signInAndOut(gateway: Gateway, ask: Ask): Promise<void> {
  const signIn = async () => {
    const { headers, body } = await ask('POST', '/console/session', { key: gateway.root.key });
    const Cookie = headers.get('set-cookie')?.split(';')[0] ?? '';
    return { id: body.data.id, headers: { Cookie, 'Sec-Fetch-Site': 'same-origin' } };
  };
  const [one, other] = [await signIn(), await signIn()];
  await ask('GET', '/console/session', undefined, one.headers);
  await ask('GET', `/v1/sessions/${other.id}`, undefined, one.headers);
  await ask('DELETE', `/v1/sessions/${other.id}`, undefined, one.headers);
  await ask('DELETE', '/console/session', undefined, one.headers);
}

/** The stream never ends, so that it is only begun. @throws Error when it is refused */
export async function listenOnce(gateway: Gateway): Promise<void> {
  const stream = await readStream(gateway, '/v1/events/stream');
  stream.close();
  await stream.ended;
}
