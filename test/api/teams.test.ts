import type { Route } from '../../src/http/route.js';
import { newId } from '../../src/lib/ids.js';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { nameOf } from '../support/walk.js';

let gateway: Gateway;
/** What one team holds, by the word that a route's path or body has for it. */
let held: {
  team: string;
  account: string;
  connection: string;
  disconnect: string;
  key: string;
  profile: string;
  finding: string;
  session: string;
  view: string;
  webhook: string;
};
let owner: Client;

beforeAll(async () => {
  gateway = await startGateway();
  const team = await gateway.newTeam('owner');
  owner = team.client;
  const connection = await gateway.connect('outfame', team.id);
  await gateway.connect('socialsyncer', team.id);
  const key = await owner.post('/v1/keys', { name: 'another', scopes: ['read'] });
  const view = await owner.post('/v1/views', { name: 'v', page: 'accounts', query: '' });
  const signedIn = await gateway.with(undefined).post('/console/session', { key: owner.key });
  const disconnected = await owner.delete('/v1/accounts/acc_Pau1Sed000');
  const account = await owner.get('/v1/accounts/acc_7Gx2kLm9Qr');
  const webhook = await owner.post('/v1/webhooks', { url: 'https://93.184.215.14/' });
  held = {
    team: team.id,
    connection,
    account: account.body.data.id,
    disconnect: disconnected.body.data.id,
    key: key.body.data.id,
    session: signedIn.body.data.id,
    view: view.body.data.id,
    profile: account.body.data.profile_id,
    finding: await aFinding(team.id, account.body.data),
    webhook: webhook.body.data.id,
  };
});
afterAll(() => gateway.stop());

/** Has something found about an account. @returns its id */
async function aFinding(
  teamId: string,
  { id, profile_id: profileId, platform, provider }: Reply['body'],
): Promise<string> {
  const now = new Date();
  const finding = {
    ...{ id: newId('find'), teamId, kind: 'tracked_twice', profileId, platform },
    ...{ accountIds: [id], providers: [provider], since: now, updatedAt: now },
  };
  return (await gateway.database.prisma.finding.create({ data: finding })).id;
}

/** Whose id stands in a path. */
const ID_OF: readonly (readonly [prefix: string, of: keyof typeof held])[] = [
  ['/v1/accounts/', 'account'],
  ['/v1/connections/', 'connection'],
  ['/v1/disconnects/', 'disconnect'],
  ['/v1/findings/', 'finding'],
  ['/v1/keys/', 'key'],
  ['/v1/profiles/', 'profile'],
  ['/v1/sessions/', 'session'],
  ['/v1/views/', 'view'],
  ['/v1/webhooks/', 'webhook'],
];

/**
 * Valid bodies, so that a route comes as far as looking for what it is about; here also ids stand
 * in bodies.
 */
const BODIES: Readonly<Record<string, () => object>> = {
  'PATCH /v1/accounts/{id}': () => ({ labels: { stolen: 'yes' } }),
  'PATCH /v1/connections/{id}': () => ({ name: 'stolen' }),
  'PUT /v1/accounts/{id}/profile': () => ({ mode: 'automatic' }),
  'POST /v1/profiles/{id}/merge': () => ({ into: held.profile }),
  'POST /v1/profiles/{id}/split': () => ({ account_ids: [held.account] }),
  'PATCH /v1/views/{id}': () => ({ name: 'stolen' }),
  'PATCH /v1/webhooks/{id}': () => ({ description: 'stolen' }),
  'POST /v1/findings/{id}/dismiss': () => ({ reason: 'stolen' }),
  'POST /v1/accounts': () => ({
    connection_id: held.connection,
    platform: 'instagram',
    username: 'stolen',
  }),
  'POST /v1/connect': () => ({
    connection_id: held.connection,
    platform: 'instagram',
    redirect_url: 'https://a.example',
  }),
};

/** Routes that name nothing of anybody's: they make something new, or belong to no team. */
const OF_NOBODY = new Set([
  'POST /v1/keys',
  'POST /v1/connections',
  'POST /v1/views',
  'POST /v1/webhooks',
  'POST /v1/connect/complete',
  'DELETE /console/session',
  // Ids of others are a 422 there like any that do not exist: test/api/disconnects.test.ts.
  'POST /v1/disconnects',
  'GET /v1/providers/{provider}',
  'GET /v1/platforms/{platform}/accounts/{platform_user_id}',
]);

/** Asks a route about what the owner holds. @returns `undefined` where the route names nothing */
async function askAbout(client: Client, route: Route): Promise<Reply | undefined> {
  const name = nameOf(route);
  if (OF_NOBODY.has(name)) return undefined;
  const [, of] = ID_OF.find(([prefix]) => route.path.startsWith(`${prefix}{id}`)) ?? [];
  const body = BODIES[name]?.();
  if (of === undefined && body === undefined) {
    if (route.method === 'GET' && !route.path.includes('{')) return undefined;
    throw new Error(
      `${name} is new: tell here whose id its path or body holds, or that it holds none.`,
    );
  }
  const path = of === undefined ? route.path : route.path.replace('{id}', held[of]);
  const text = route.method === 'GET' ? undefined : JSON.stringify(body ?? {});
  return client.send(route.method, path, text, { 'Content-Type': 'application/json' });
}

const ofTeams = () =>
  gateway.app.routes.filter(({ scope }) => scope !== 'public' && scope !== 'root');

describe('what belongs to one team', () => {
  test('does not exist for another, on any route', async () => {
    const { client } = await gateway.newTeam('stranger');
    const found: string[] = [];
    for (const route of ofTeams()) {
      const reply = await askAbout(client, route);
      if (reply && reply.status !== 404)
        found.push(`${nameOf(route)} → ${reply.status} ${reply.text}`);
    }
    expect(found).toEqual([]);
  });

  test('is in no list of another', async () => {
    const { client } = await gateway.newTeam('nosy');
    const secrets = [...Object.values(held), 'acc_7Gx2kLm9Qr', 'yourhandle', '17841400123456789'];
    const ends = ({ endpoint }: Route) => endpoint.produces === undefined;
    const lists = ofTeams().filter(
      (route) => route.method === 'GET' && !route.path.includes('{') && ends(route),
    );
    expect(lists.length).toBeGreaterThan(5);
    for (const route of lists) {
      const { text } = await client.get(route.path);
      expect([route.path, secrets.filter((secret) => text.includes(secret))]).toEqual([
        route.path,
        [],
      ]);
    }
    expect(
      (await client.get('/v1/platforms/instagram/accounts/17841400123456789')).body.data,
    ).toEqual([]);
    expect(
      (await owner.get('/v1/platforms/instagram/accounts/17841400123456789')).body.data,
    ).toHaveLength(1);
    const asked = await client.get(
      `/v1/accounts?connection_id=${held.connection}&include_total=true`,
    );
    expect(asked.body).toMatchObject({ data: [], pagination: { total_count: 0 } });
    expect((await client.get('/v1/accounts/health')).body.summary.total).toBe(0);
  });

  test('was left as it is by all that', async () => {
    const account = (await owner.get(`/v1/accounts/${held.account}`)).body.data;
    expect(account).toMatchObject({ labels: {}, status: 'active' });
    expect((await owner.get(`/v1/connections/${held.connection}`)).body.data.name).toBe('outfame');
    expect((await owner.get('/v1/keys')).body.data.map(({ id }: { id: string }) => id)).toContain(
      held.key,
    );
  });

  test('may be held by another at the same provider too, each for itself', async () => {
    const other = await gateway.newTeam('other');
    await gateway.connect('outfame', other.id);
    await other.client.patch('/v1/accounts/acc_7Gx2kLm9Qr', { labels: { mine: 'yes' } });
    const mine = (await other.client.get('/v1/accounts/acc_7Gx2kLm9Qr')).body.data;
    expect(mine.labels).toEqual({ mine: 'yes' });
    expect(mine.id).not.toBe(held.account);
    expect((await owner.get('/v1/accounts/outfame:acc_7Gx2kLm9Qr')).body.data).toMatchObject({
      id: held.account,
      labels: {},
    });
  });
});

describe('a key for some providers only', () => {
  let octopostOnly: Client;
  beforeAll(async () => {
    const made = await owner.post('/v1/keys', {
      name: 'octopost',
      scopes: ['admin'],
      providers: ['octopost'],
    });
    octopostOnly = gateway.with(made.body.data.key);
  });

  test("does not see the others' accounts, connections and disconnects, on any route", async () => {
    const found: string[] = [];
    // Keys have rules of their own, and views show nothing of a provider.
    for (const route of ofTeams().filter(({ path }) => !/^\/v1\/(keys|views)/.test(path))) {
      const reply = await askAbout(octopostOnly, route);
      if (reply && reply.status !== 404)
        found.push(`${nameOf(route)} → ${reply.status} ${reply.text}`);
    }
    expect(found).toEqual([]);
    expect((await octopostOnly.get('/v1/accounts')).body.data).toEqual([]);
    expect((await octopostOnly.get('/v1/connections')).body.data).toEqual([]);
    expect(
      (await octopostOnly.get('/v1/platforms/instagram/accounts/17841400123456789')).body.data,
    ).toEqual([]);
    expect(
      (await octopostOnly.get('/v1/providers')).body.data.map(({ id }: { id: string }) => id),
    ).toEqual(['octopost']);
    expect((await octopostOnly.get('/v1/providers/outfame')).status).toBe(404);
  });

  test('cannot connect another provider, nor make a key that sees more', async () => {
    const request = { provider: 'outfame', credentials: { api_key: 'any' } };
    expect((await octopostOnly.post('/v1/connections', request)).status).toBe(422);
    const wider = await octopostOnly.post('/v1/keys', {
      name: 'wider',
      scopes: ['read'],
      providers: ['octopost', 'outfame'],
    });
    expect(wider.body.code).toBe('forbidden');
    const same = await octopostOnly.post('/v1/keys', { name: 'same', scopes: ['read'] });
    expect(same.body.data.providers).toEqual(['octopost']);
  });
});

describe('keys', () => {
  test('are shown once, and are not stored by anybody on the way', async () => {
    const made = await owner.post('/v1/keys', { name: 'shown', scopes: ['read', 'write'] });
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(made.body.data.key).toMatch(/^rc_[0-9a-z]{26}_[0-9A-Za-z]{36}$/);
    const listed = await owner.get('/v1/keys');
    expect(listed.text).not.toContain(made.body.data.key.slice(30));
    expect(listed.body.data.at(-1)).toMatchObject({
      name: 'shown',
      scopes: ['read', 'write'],
      expires_at: null,
      last_used_at: null,
    });
    await gateway.with(made.body.data.key).get('/v1/whoami');
    expect((await owner.get('/v1/keys')).body.data.at(-1).last_used_at).not.toBeNull();
  });

  test('expire', async () => {
    const expiresAt = new Date(Date.now() + 60_000);
    const made = await owner.post('/v1/keys', {
      name: 'brief',
      scopes: ['admin'],
      expires_at: expiresAt,
    });
    const brief = gateway.with(made.body.data.key);
    expect((await brief.get('/v1/whoami')).body.data.key.expires_at).toBe(expiresAt.toISOString());
    await gateway.database.prisma.apiKey.update({
      where: { id: made.body.data.id },
      data: { expiresAt: new Date() },
    });
    expect((await brief.get('/v1/whoami')).status).toBe(401);
  });

  test('cannot make one stronger than themselves: by scope, by time', async () => {
    const soon = new Date(Date.now() + 3_600_000);
    const made = await owner.post('/v1/keys', {
      name: 'admin for an hour',
      scopes: ['admin'],
      expires_at: soon,
    });
    const forAnHour = gateway.with(made.body.data.key);
    const later = new Date(soon.getTime() + 1);
    expect(
      (await forAnHour.post('/v1/keys', { name: 'longer', scopes: ['read'], expires_at: later }))
        .body.code,
    ).toBe('forbidden');
    const inherited = await forAnHour.post('/v1/keys', { name: 'for as long', scopes: ['read'] });
    expect(inherited.body.data.expires_at).toBe(soon.toISOString());
    const writer = await gateway.newTeam('writers', ['write']);
    expect(
      (await writer.client.post('/v1/keys', { name: 'admin', scopes: ['admin'] })).body.code,
    ).toBe('insufficient_scope');
  });

  test.each([
    ['a time in the past', { name: 'a', scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' }],
    [
      'a time after the year 9999',
      { name: 'a', scopes: ['read'], expires_at: '9999-12-31T23:59:59-05:00' },
    ],
    ['no scope', { name: 'a', scopes: [] }],
    ['an unknown scope', { name: 'a', scopes: ['root'] }],
    ['an unknown provider', { name: 'a', scopes: ['read'], providers: ['myspace'] }],
    ['an empty name', { name: ' ', scopes: ['read'] }],
  ])('with %s are refused', async (_what, request) => {
    expect((await owner.post('/v1/keys', request)).body.code).toBe('validation_error');
  });

  test('cannot revoke themselves, nor the root key', async () => {
    const self = (await owner.get('/v1/whoami')).body.data.key.id;
    expect((await owner.delete(`/v1/keys/${self}`)).body.code).toBe('conflict');
    const rootId = (await gateway.root.get('/v1/whoami')).body.data.key.id;
    const admin = await gateway.root.post('/v1/keys', {
      name: 'admin of the default team',
      scopes: ['admin'],
    });
    expect((await gateway.with(admin.body.data.key).delete(`/v1/keys/${rootId}`)).status).toBe(404);
  });

  test('are found where their Location says, and teams too', async () => {
    const requests = [
      ['/v1/keys', { name: 'located', scopes: ['read'] }],
      ['/v1/teams', { name: 'located' }],
    ] as const;
    for (const [path, body] of requests) {
      const made = await gateway.root.post(path, body);
      const found = await gateway.root.get(made.headers.get('location') ?? '');
      expect(found).toMatchObject({
        status: 200,
        body: { data: { id: made.body.data.id, name: 'located' } },
      });
    }
  });

  test('are listed page by page, and teams too', async () => {
    const first = await owner.get('/v1/keys?limit=2');
    const next = await owner.get(`/v1/keys?limit=2&cursor=${first.body.pagination.next_cursor}`);
    const ids = [...first.body.data, ...next.body.data].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(4);
    const teams = await gateway.root.get('/v1/teams?limit=1');
    expect(teams.body.pagination).toMatchObject({ has_next: true, limit: 1 });
    const all = await gateway.root.get('/v1/teams');
    expect(all.body.data).toContainEqual(
      expect.objectContaining({ id: 'team_default', name: 'default' }),
    );
  });
});

describe('a name that would be read as another one', () => {
  const access = { provider: 'outfame', credentials: { api_key: 'k' }, verify: false };
  test.each([
    ['/v1/keys', { scopes: ['read'] }],
    ['/v1/teams', {}],
    ['/v1/connections', access],
    ['/v1/views', { page: 'accounts', query: '' }],
  ])('is refused by %s, and one from right to left is not', async (path, body) => {
    for (const turning of ['\u202a', '\u202e', '\u2066', '\u2069']) {
      const refused = await gateway.root.post(path, { ...body, name: `a${turning}evil` });
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: 'name' }] } });
    }
    const name = 'فريق\u200f 1';
    const { status, body: made } = await gateway.root.post(path, { ...body, name });
    expect([status, made.data?.name]).toEqual([201, name]);
  });
});
