import fc from 'fast-check';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let client: Client;
let connectionId: string;
let ids: string[];
beforeAll(async () => {
  gateway = await startGateway();
  const team = await gateway.newTeam('pollers');
  client = team.client;
  connectionId = await gateway.connect('outfame', team.id);
  await gateway.connect('creatoraudit', team.id);
  ids = (await client.get('/v1/accounts?limit=200')).body.data.map(({ id }: { id: string }) => id);
});
afterAll(() => gateway.stop());

const since = (etag: string | null) => ({ 'If-None-Match': etag ?? '' });

test('an ETag never survives a change that its body would show', async () => {
  const [id = ''] = ids;
  const made = async (path: string, body: object) =>
    (await client.post(path, body)).body.data.id as string;
  const webhookId = await made('/v1/webhooks', {
    url: 'http://127.0.0.1:9/',
    types: ['provider.incident_opened'],
  });
  const keyId = await made('/v1/keys', { name: 'shown', scopes: ['read'] });
  const view = { name: 'shown', page: 'accounts', query: '' };
  const viewId = await made('/v1/views', view);
  const signedIn = await gateway.with(undefined).post('/console/session', { key: client.key });
  const later = { scheduled_at: '2100-01-01T00:00:00Z' };
  const disconnectId = await made('/v1/disconnects', { account_ids: [ids.at(-1)], ...later });
  const done = await client.delete(`/v1/accounts/${ids.at(-2)}`);
  const profileId = (await client.get(`/v1/accounts/${id}`)).body.data.profile_id;
  for (const job of ['profiles.settle', 'findings.examine'])
    await gateway.app.recurringJobs.runNamed(job);
  const findingId = (await client.get('/v1/findings')).body.data[0].id;
  /** What stands for the parameters of a path. */
  const example: Record<string, string> = {
    '/v1/connections/{id}': connectionId,
    '/v1/accounts/{id}': id,
    '/v1/profiles/{id}': profileId,
    '/v1/findings/{id}': findingId,
    '/v1/keys/{id}': keyId,
    '/v1/disconnects/{id}/receipt': done.body.data.id,
    '/v1/disconnects/{id}': disconnectId,
    '/v1/sessions/{id}': signedIn.body.data.id,
    '/v1/views/{id}': viewId,
    '/v1/webhooks/{id}': webhookId,
  };
  const fill = (path: string) => {
    const [start = '', given] =
      Object.entries(example).find(([known]) => path.startsWith(known)) ?? [];
    return given === undefined ? path : start.replace('{id}', given) + path.slice(start.length);
  };
  const others = {
    '{provider}': 'outfame',
    '{platform}': 'instagram',
    '{platform_user_id}': '17841400123456789',
  };
  const addressOf = (path: string) =>
    Object.entries(others).reduce(
      (address, [name, value]) => address.replace(name, value),
      fill(path),
    );
  const shown = gateway.app.routes
    // Root's own routes, a browser's, a stream, and what is asked of the provider each time.
    .filter(
      ({ method, scope, endpoint }) =>
        method === 'GET' && scope !== 'public' && scope !== 'root' && !endpoint.isStream,
    )
    .filter(({ path }) => !/\/(activity|stats|console\/session)$/.test(path));
  const filtered = [
    '/v1/accounts?limit=2&order_by=followers',
    '/v1/accounts?label[mark]=1',
    '/v1/accounts?q=a&order_by=username&include_total=true',
    '/v1/accounts?updated_since=2026-01-01T00:00:00Z&status=active,paused&include=remote_data',
    '/v1/accounts/health?health=healthy',
    '/v1/accounts/health?provider=creatoraudit&reason=data_stale',
    '/v1/disconnects?state=scheduled',
    '/v1/findings?state=open,closed&include_total=true',
  ];
  const versioned = new Set([
    ...shown.filter(({ endpoint }) => endpoint.isVersioned).map(({ path }) => addressOf(path)),
    ...filtered,
  ]);
  const addresses = [
    ...shown.map(({ path }) => addressOf(path)),
    ...filtered,
    '/v1/audit?action=key.created',
  ];
  expect(addresses.filter((address) => address.includes('{'))).toEqual([]);
  const { pool } = gateway.database;
  const some = (table: string) => `(SELECT id FROM ${table} ORDER BY random() LIMIT 1)`;
  const writes: Record<string, (value: number) => Promise<unknown>> = {
    label: (value) =>
      client.patch(`/v1/accounts/${ids[value % ids.length]}`, {
        labels: { mark: String(value) },
      }),
    rename: (value) =>
      client.patch(`/v1/connections/${connectionId}`, { name: `outfame ${value}` }),
    sweep: async () => {
      const { body } = await client.post(`/v1/connections/${connectionId}/sweep`);
      const open = { id: body.data.id, finishedAt: null };
      await waitFor(
        'the sweep to finish',
        () => gateway.database.prisma.sweep.count({ where: open }),
        {
          until: (count) => count === 0,
        },
      );
    },
    key: (value) => client.post('/v1/keys', { name: `key ${value}`, scopes: ['read'] }),
    probe: () => client.post(`/v1/accounts/${id}/probe`),
    followers: (value) =>
      pool.query(`UPDATE accounts SET followers = $1 WHERE id = ${some('accounts')}`, [value]),
    health: (value) =>
      pool.query(`UPDATE accounts SET health_status = $1 WHERE id = ${some('accounts')}`, [
        value % 2 ? 'warning' : 'healthy',
      ]),
    swept: () =>
      pool.query(`UPDATE connections SET swept_at = now() WHERE id = ${some('connections')}`),
    webhook: (value) =>
      client.patch(`/v1/webhooks/${webhookId}`, { description: `number ${value}` }),
    delivery: () => client.post(`/v1/webhooks/${webhookId}/test`),
    disconnect: async (value) => {
      const scheduled = await made('/v1/disconnects', {
        account_ids: [ids[value % 3]],
        ...later,
      });
      if (value % 2) await client.post(`/v1/disconnects/${scheduled}/cancel`);
    },
    finding: (value) =>
      pool.query(
        `INSERT INTO findings (id, team_id, kind, profile_id, platform, account_ids, fingerprint, since, updated_at)
         SELECT 'find_' || $1, team_id, 'tracked_twice', id, platform, '{}', $1, now(), now()
         FROM profiles WHERE id = ${some('profiles')} ON CONFLICT DO NOTHING`,
        [String(value)],
      ),
    nothing: async () => undefined,
  };
  let unchanged = 0;
  let looks = 0;
  /**
   * The same question in words not used before, as a page that was answered once is kept for its
   * words.
   */
  const reworded = (address: string) => {
    looks++;
    const question = new URL(address, gateway.url);
    const limit = question.searchParams.get('limit') ?? '50';
    question.searchParams.set('limit', limit.padStart(2 + (looks % 14), '0'));
    if (looks % 28 < 14 && !question.searchParams.has('include_total'))
      question.searchParams.set('include_total', 'false');
    return question.pathname + question.search;
  };
  const known = new Map<string, { etag: string | null; text: string }>();
  const check = async (address: string) => {
    const before = known.get(address);
    const conditional = await client.get(address, since(before?.etag ?? null));
    if (before === undefined || conditional.status !== 304) {
      expect([address, conditional.status]).toEqual([address, 200]);
      known.set(address, { etag: conditional.headers.get('etag'), text: conditional.text });
      return;
    }
    unchanged++;
    const now = await client.get(versioned.has(address) ? reworded(address) : address);
    // A feed may have shown more in between; then its ETag is another.
    if (now.text !== before.text)
      expect([address, (await client.get(address, since(before.etag))).status]).toEqual([
        address,
        200,
      ]);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(writes)),
      fc.nat({ max: 1000 }),
      async (write, value) => {
        await writes[write]?.(value);
        for (const address of addresses) await check(address);
      },
    ),
    { numRuns: 20, seed: 7 },
  );
  expect(unchanged).toBeGreaterThan(40);
});

test('nothing writes to a connection again and again for which nothing is due, which would end every ETag of its team', async () => {
  const { pool } = gateway.database;
  await waitFor('the next check of the connection to be due later', async () => {
    await gateway.app.recurringJobs.runNamed('health.age');
    const { rows } = await pool.query<{ due: boolean }>(
      'SELECT next_aging_at <= now() AS due FROM connections WHERE id = $1',
      [connectionId],
    );
    return rows[0]?.due === false;
  });
});
