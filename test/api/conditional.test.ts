import { ProcessLease } from '../../src/database/process-lease.js';
import { resourceOf, takesIfMatch } from '../../src/http/route.js';
import { apiDocument } from '../support/api-document.js';
import { startChild } from '../support/child.js';
import { type Client, clientOf } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
let client: Client;
let teamId: string;
let ids: string[];
beforeAll(async () => {
  gateway = await startGateway();
  const team = await gateway.newTeam('pollers');
  client = team.client;
  teamId = team.id;
  await gateway.connect('outfame', team.id);
  await gateway.connect('creatoraudit', team.id);
  ids = (await client.get('/v1/accounts?limit=200')).body.data.map(({ id }: { id: string }) => id);
});
afterAll(() => gateway.stop());

const since = (etag: string | null) => ({ 'If-None-Match': etag ?? '' });

describe('ETag', () => {
  test('of every list under every filter differs, and answers 304 with no body', async () => {
    const addresses = [
      '',
      '?limit=2',
      '?limit=3',
      '?provider=outfame',
      '?order_by=username',
      '?include=remote_data',
    ].map((query) => `/v1/accounts${query}`);
    const etags = await Promise.all(
      addresses.map(async (address) => (await client.get(address)).headers.get('etag')),
    );
    expect(new Set(etags).size).toBe(addresses.length);
    for (const [index, address] of addresses.entries()) {
      const again = await client.get(address, since(etags[index] ?? null));
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([
        304,
        '',
        etags[index],
      ]);
      expect((await client.get(address, since(`W/${etags[index]}, "x"`))).status).toBe(304);
    }
    expect((await client.get('/v1/accounts', since(etags[1] ?? null))).status).toBe(200);
  });

  test('is answered without building the page', async () => {
    const { headers } = await client.get('/v1/accounts');
    const held = await gateway.database.pool.connect();
    await held.query('BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE');
    const again = await client.get('/v1/accounts', since(headers.get('etag')));
    await held.query('ROLLBACK');
    held.release();
    expect(again.status).toBe(304);
  });

  test('is of the caller: a key that sees fewer providers has another', async () => {
    const narrow = await client.post('/v1/keys', {
      name: 'narrow',
      scopes: ['read'],
      providers: ['creatoraudit'],
    });
    const { headers } = await client.get('/v1/accounts');
    const other = await gateway
      .with(narrow.body.data.key)
      .get('/v1/accounts', since(headers.get('etag')));
    expect(other.status).toBe(200);
  });

  test('holds still when nothing changed though sessions of the database come and go', async () => {
    const first = await client.get('/v1/accounts');
    await gateway.database.pool.query(
      'UPDATE team_versions SET session = -session WHERE session <> 0',
    );
    await gateway.app.teams.compactVersions();
    const rows = await gateway.database.prisma.teamVersion.findMany({
      where: { session: { not: 0 } },
    });
    expect(rows).toEqual([]);
    expect((await client.get('/v1/accounts', since(first.headers.get('etag')))).status).toBe(304);
  });

  test('counts the writes of every table that a versioned list could show', async () => {
    const { rows } = await gateway.database.pool.query<{ table: string; triggers: string }>(
      `SELECT c.relname AS table, count(t.oid) AS triggers FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'team_id'
       LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgfoid = 'count_team_version'::regproc
       WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1`,
    );
    const counted = rows.filter(({ triggers }) => Number(triggers) === 3).map(({ table }) => table);
    expect(counted.sort()).toEqual([
      'accounts',
      'connections',
      'disconnect_steps',
      'disconnects',
      'findings',
      'profiles',
      'sweeps',
    ]);
  });
});

describe('If-Match', () => {
  test('lets a change through that was made of what is there, and no other', async () => {
    const address = `/v1/accounts/${ids[1]}`;
    const { headers } = await client.get(address);
    const etag = headers.get('etag') ?? '';
    const first = await client.patch(address, { labels: { owner: 'ann' } }, { 'If-Match': etag });
    const second = await client.patch(address, { labels: { owner: 'bob' } }, { 'If-Match': etag });
    expect([first.status, second.status, second.body.code]).toEqual([
      200,
      412,
      'precondition_failed',
    ]);
    expect((await client.get(address)).body.data.labels.owner).toBe('ann');
    expect(
      (await client.patch(address, { labels: { owner: 'cid' } }, { 'If-Match': '*' })).status,
    ).toBe(200);
    expect(
      (await client.patch(address, { labels: { owner: 'dan' } }, { 'If-Match': `W/${etag}` }))
        .status,
    ).toBe(412);
  });

  test('of many changes at once lets one through', async () => {
    const address = `/v1/accounts/${ids[2]}`;
    const etag = (await client.get(address)).headers.get('etag') ?? '';
    const changes = Array.from({ length: 10 }, (_, index) =>
      client.patch(address, { labels: { turn: String(index) } }, { 'If-Match': etag }),
    );
    const statuses = (await Promise.all(changes)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(9);
  });

  test('of many changes at once over two replicas lets one through', async () => {
    const replica = await startChild(gateway, undefined);
    const clients = [client, clientOf(replica.url, client.key, apiDocument)];
    for (let run = 0; run < 8; run++) {
      const address = `/v1/accounts/${ids[run % ids.length]}`;
      const etag = (await client.get(address)).headers.get('etag') ?? '';
      const change = (one: Client, turn: number) =>
        one.patch(address, { labels: { turn: `${run}.${turn}` } }, { 'If-Match': etag });
      const replies = await Promise.all(
        Array.from({ length: 8 }, (_, turn) => change(clients[turn % 2] as Client, turn)),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
    }
    await replica.kill();
  });

  test('holds up no other change, however many wait', async () => {
    const replica = new ProcessLease(gateway.database);
    const address = `/v1/accounts/${ids[2]}`;
    const etag = (await client.get(address)).headers.get('etag') ?? '';
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      const work = () =>
        new Promise<void>((free) => {
          letGo = free;
          resolve();
        });
      void replica.withLock(`change of ${teamId} ${ids[2]}`, work);
    });
    await held;
    const waiting = Array.from({ length: 30 }, () =>
      client.patch(address, { labels: { waited: 'yes' } }, { 'If-Match': etag }),
    );
    const others = ids
      .slice(3, 6)
      .map((id) =>
        client.patch(`/v1/accounts/${id}`, { labels: { waited: 'no' } }, { 'If-Match': '*' }),
      );
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200, 200]);
    letGo();
    expect((await Promise.all(waiting)).filter(({ status }) => status === 200)).toHaveLength(1);
    replica.end();
  });

  test('can be had for whatever can be changed: its GET shows it', () => {
    const { routes } = gateway.app;
    const unseen = routes.filter(
      (changing) =>
        takesIfMatch(changing) &&
        !routes.some(({ method, path }) => method === 'GET' && path === resourceOf(changing)),
    );
    expect(unseen.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  test('holds for what is done to a resource, whose repeat is answered all the same', async () => {
    const { body } = await client.get('/v1/accounts?provider=outfame&status=active&limit=1');
    const address = `/v1/accounts/${body.data[0].id}`;
    const pause = (etag: string, key: string) =>
      client.post(`${address}/pause`, undefined, { 'If-Match': etag, 'Idempotency-Key': key });
    expect((await client.post(`${address}/pause`, {}, { 'If-Match': '"old"' })).status).toBe(412);
    expect((await pause('"old"', 'one')).status).toBe(412);
    const { headers, body: before } = await client.get(address);
    expect(before.data.status).toBe('active');
    const etag = headers.get('etag') ?? '';
    const paused = await pause(etag, 'two');
    expect([paused.status, paused.body.data.status]).toEqual([200, 'paused']);
    const repeated = await pause(etag, 'two');
    expect([repeated.status, repeated.body]).toEqual([200, paused.body]);
    expect((await pause(etag, 'three')).status).toBe(412);
  });

  test('holds for a key that is to be revoked', async () => {
    const address = `/v1/keys/${(await client.post('/v1/keys', { name: 'short', scopes: ['read'] })).body.data.id}`;
    const { headers, body } = await client.get(address);
    expect(body.data).toMatchObject({ name: 'short', last_used_at: null });
    expect((await client.delete(address, { 'If-Match': '"old"' })).status).toBe(412);
    expect((await client.delete(address, { 'If-Match': headers.get('etag') ?? '' })).status).toBe(
      204,
    );
    expect((await client.get(address)).status).toBe(404);
  });

  test('holds for DELETE', async () => {
    const made = await gateway.connect('octopost', teamId);
    const address = `/v1/connections/${made}`;
    expect((await client.delete(address, { 'If-Match': '"old"' })).status).toBe(412);
    const { headers } = await client.get(address);
    expect((await client.delete(address, { 'If-Match': headers.get('etag') ?? '' })).status).toBe(
      204,
    );
    expect((await client.get(address)).status).toBe(404);
    expect((await client.delete('/v1/keys/key_x', { 'If-Match': '*' })).status).toBe(404);
  });
});
