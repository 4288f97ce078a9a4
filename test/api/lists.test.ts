import type { Route } from '../../src/http/route.js';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { nameOf } from '../support/walk.js';

/**
 * Rules for every list: they walk the route table, so a list that is added tomorrow is held to them
 * too.
 */

let gateway: Gateway;
let client: Client;
let lists: readonly Route[];
let feeds: readonly Route[];
/** What stands for the parameters of paths, so that each list has rows. */
let ids: Readonly<Record<string, string>>;

beforeAll(async () => {
  gateway = await startGateway();
  client = gateway.root;
  const [connection] = [await gateway.connect('outfame'), await gateway.connect('socialsyncer')];
  await gateway.app.recurringJobs.runNamed('findings.examine');
  for (const name of ['one', 'two', 'three']) {
    await client.post('/v1/teams', { name });
    await client.post('/v1/keys', { name, scopes: ['read'] });
    await client.post('/v1/webhooks', {
      url: 'http://127.0.0.1:9/',
      description: name,
      types: ['provider.incident_opened'],
    });
    await client.post('/v1/views', { name, page: 'accounts', query: '' });
    await gateway.with(undefined).post('/console/session', { key: client.key });
    await gateway.sweep(connection);
  }
  const [webhook] = (await client.get('/v1/webhooks')).body.data;
  for (let count = 0; count < 3; count++) await client.post(`/v1/webhooks/${webhook.id}/test`);
  const accounts = (
    await client.get('/v1/accounts?limit=4&status=active&provider=outfame')
  ).body.data.map(({ id }: { id: string }) => id);
  const disconnect = await client.post('/v1/disconnects', { account_ids: accounts.slice(0, 3) });
  await client.delete(`/v1/accounts/${accounts[3]}`);
  await client.post(`/v1/disconnects/${disconnect.body.data.id}/cancel`);
  const [profile] = (await client.get('/v1/profiles?match=weak')).body.data;
  ids = {
    '/v1/profiles/{id}/history': `/v1/profiles/${profile.id}/history`,
    '/v1/connections/{id}/sweeps': `/v1/connections/${connection}/sweeps`,
    '/v1/disconnects/{id}/steps': `/v1/disconnects/${disconnect.body.data.id}/steps`,
    '/v1/webhooks/{id}/deliveries': `/v1/webhooks/${webhook.id}/deliveries`,
    '/v1/platforms/{platform}/accounts/{platform_user_id}':
      '/v1/platforms/instagram/accounts/17841400123456789',
  };
  const all = gateway.app.routes.filter(
    ({ method, endpoint }) => method === 'GET' && 'pagination' in shapeOf(endpoint.answers[200]),
  );
  lists = all.filter(({ endpoint }) => 'include_total' in shapeOf(endpoint.query));
  feeds = all.filter((route) => !lists.includes(route));
  await gateway.settled();
});
afterAll(() => gateway.stop());

const shapeOf = (schema: unknown): object =>
  (schema as { shape?: object } | undefined | null)?.shape ?? {};
const addressOf = ({ path }: Route) => ids[path] ?? path;
const idsOf = ({ body }: Reply): string[] => body.data.map(({ id }: { id: string }) => id);
const linkOf = ({ headers }: Reply, relation: string) =>
  new RegExp(`<${gateway.url}([^>]*)>; rel="${relation}"`).exec(headers.get('link') ?? '')?.[1];

describe('every list', () => {
  test('is one, but for the feeds and what a provider pages', () => {
    expect(feeds.map(nameOf)).toEqual([
      'GET /v1/accounts/{id}/activity',
      'GET /v1/health/changes',
      'GET /v1/events',
    ]);
    expect(lists.length).toBeGreaterThanOrEqual(13);
  });

  test('counts itself, and is the same read whole as page by page along its links', async () => {
    for (const route of lists) {
      const address = addressOf(route);
      const whole = await client.get(`${address}?limit=200&include_total=true`);
      expect([nameOf(route), whole.status, whole.body.pagination?.total_count]).toEqual([
        nameOf(route),
        200,
        idsOf(whole).length,
      ]);
      expect([nameOf(route), idsOf(whole).length > 0, typeof whole.body.filters]).toEqual([
        nameOf(route),
        true,
        'object',
      ]);
      const paged: string[] = [];
      for (let next: string | undefined = `${address}?limit=2`; next !== undefined; ) {
        const page = await client.get(next);
        paged.push(...idsOf(page));
        expect([nameOf(route), linkOf(page, 'first')]).toEqual([
          nameOf(route),
          `${address}?limit=2`,
        ]);
        const { next_cursor, has_next, limit } = page.body.pagination;
        expect([nameOf(route), has_next, limit]).toEqual([nameOf(route), next_cursor !== null, 2]);
        next = linkOf(page, 'next');
        expect(next === undefined).toBe(next_cursor === null);
      }
      expect([nameOf(route), paged]).toEqual([nameOf(route), idsOf(whole)]);
    }
  });

  test('refuses a limit out of bounds, and a cursor that is not its own', async () => {
    const { next_cursor: foreign } = (await client.get('/v1/audit?limit=1')).body.pagination;
    for (const route of lists) {
      for (const query of ['limit=0', 'limit=201', 'include_total=yes']) {
        const reply = await client.get(`${addressOf(route)}?${query}`);
        expect([nameOf(route), query, reply.body.code]).toEqual([
          nameOf(route),
          query,
          'validation_error',
        ]);
      }
      if (route.path === '/v1/audit') continue;
      const reply = await client.get(`${addressOf(route)}?cursor=${foreign}`);
      expect([nameOf(route), reply.body.code]).toEqual([nameOf(route), 'cursor_mismatch']);
    }
  });

  test('that is a feed has no total, and says so', async () => {
    for (const { path, endpoint } of feeds) {
      expect([path, endpoint.description]).toEqual([
        path,
        expect.stringContaining('include_total'),
      ]);
      const reply = await client.get(`${path.replace('{id}', 'acct_x')}?include_total=true`);
      expect([path, reply.body.errors?.[0].field]).toEqual([path, 'include_total']);
    }
  });
});
