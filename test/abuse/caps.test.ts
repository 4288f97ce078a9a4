import type pg from 'pg';
import { lockUntilEnd } from '../../src/database/transact.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { overtaken } from '../support/overtaken.js';

/** What a team may keep is bounded, and what one team keeps bounds no other. */
const MAX_KEYS = 200;
const MAX_SCHEDULED = 100;

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

async function sessions(): Promise<string[]> {
  const { pool } = gateway.database;
  const clients = await Promise.all(Array.from({ length: 8 }, () => pool.connect()));
  try {
    const answers = await Promise.all(
      clients.map((client) =>
        client.query<{ name: string }>(
          `SELECT name FROM pg_prepared_statements WHERE name LIKE '%-page-%'`,
        ),
      ),
    );
    return answers.flatMap(({ rows }) => rows.map(({ name }) => name));
  } finally {
    for (const client of clients) client.release();
  }
}

describe('statements that the database keeps', () => {
  test('are the same few whatever a caller asks for', async () => {
    const filters = ['', 'provider=outfame', 'status=active', 'q=a', 'username=a', 'label[a]=1'];
    const more = ['health=healthy&platform=tiktok', 'label[a]=1&label[b]=2&label[c]=3,4'];
    const orders = ['created_at', 'username', 'followers'];
    const statuses: number[] = [];
    for (const filter of [...filters, ...more])
      for (const order of orders)
        for (const path of ['/v1/accounts', '/v1/accounts/health']) {
          const query = `order_by=${order}&order_direction=desc&${filter}`;
          statuses.push((await gateway.root.get(`${path}?${query}`)).status);
        }
    for (let count = 0; count < 30; count++)
      statuses.push(
        (await gateway.root.get(`/v1/accounts?label[k${count}]=1&label[l${count}]=2`)).status,
      );
    expect(new Set(statuses)).toEqual(new Set([200]));
    const names = new Set(await sessions());
    expect(names.size).toBeGreaterThan(0);
    expect(
      [...names].filter(
        (name) => !/^(account|health)-page-(all|provider|status)-desc-first$/.test(name),
      ),
    ).toEqual([]);
  });

  test('grow with no label: a filter names ten', async () => {
    const labels = (count: number) =>
      Array.from({ length: count }, (_, index) => `label[k${index}]=v`).join('&');
    expect((await gateway.root.get(`/v1/accounts?${labels(10)}`)).status).toBe(200);
    const refused = await gateway.root.get(`/v1/accounts?${labels(300)}`);
    expect([refused.status, refused.body.errors]).toEqual([
      422,
      [{ field: 'label', message: 'must have at most 10 members' }],
    ]);
    const label = Object.fromEntries(
      Array.from({ length: 15_000 }, (_, index) => [`k${index}`, 'v']),
    );
    const plan = await gateway.root.post('/v1/disconnects', { filter: { label }, dry_run: true });
    expect([plan.status, plan.body.errors]).toEqual([
      422,
      [{ field: 'filter.label', message: 'must have at most 10 members' }],
    ]);
  });
});

describe('keys', () => {
  test(`are ${MAX_KEYS} a team at most, however many are asked for at once`, async () => {
    const { client, id } = await gateway.newTeam('many keys');
    await gateway.database.pool.query(
      `INSERT INTO api_keys SELECT (jsonb_populate_record(k, jsonb_build_object('id', 'key_' || n))).*
       FROM api_keys k, generate_series(1, $2) n WHERE k.team_id = $1`,
      [id, MAX_KEYS - 10],
    );
    const made = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { status, body } = await client.post('/v1/keys', { name: 'more', scopes: ['read'] });
        return status === 201 ? (body.data.id as string) : body.code;
      }),
    );
    // The team's first key is one of them.
    expect(made.filter((outcome) => outcome.startsWith('key_'))).toHaveLength(9);
    expect(new Set(made.filter((outcome) => !outcome.startsWith('key_')))).toEqual(
      new Set(['conflict']),
    );
    const revoked = made.find((outcome) => outcome.startsWith('key_'));
    expect((await client.delete(`/v1/keys/${revoked}`)).status).toBe(204);
    expect((await client.post('/v1/keys', { name: 'again', scopes: ['read'] })).status).toBe(201);
    expect(await gateway.database.prisma.apiKey.count({ where: { teamId: id } })).toBe(
      MAX_KEYS + 1,
    );
    const { client: other } = await gateway.newTeam('few keys');
    expect((await other.post('/v1/keys', { name: 'first', scopes: ['read'] })).status).toBe(201);
  });
});

/** What a team may keep so many of, and columns that are another's in each copy. */
const LIMITED = [
  { noun: 'webhooks', table: 'webhooks', most: 50, extra: '' },
  { noun: 'views', table: 'saved_views', most: 200, extra: `, 'name', 'copy ' || n` },
] as const;

describe.each(LIMITED)('$noun', ({ noun, table, most, extra }) => {
  const request = (number: number) =>
    noun === 'webhooks'
      ? { url: 'http://127.0.0.1:9/hook' }
      : { page: 'accounts', name: `view ${number}`, query: '' };

  test(`are ${most} a team at most: one that is made at the same moment counts`, async () => {
    const { client, id } = await gateway.newTeam(`many ${noun}`);
    expect((await client.post(`/v1/${noun}`, request(0))).status).toBe(201);
    const { pool } = gateway.database;
    const copy = (from: number, to: number) => (session: pg.ClientBase | pg.Pool) =>
      session.query(
        `INSERT INTO ${table} SELECT (jsonb_populate_record(r, jsonb_build_object('id', 'copy_' || n ${extra}))).*
         FROM ${table} r, generate_series($2::int, $3) n
         WHERE r.team_id = $1 AND r.id NOT LIKE 'copy_%'`,
        [id, from, to],
      );
    await copy(1, most - 2)(pool);
    // As another replica does: whoever adds one holds the lock on what the team has.
    const another = async (session: pg.ClientBase) => {
      await lockUntilEnd(session, `${noun} of ${id}`);
      await copy(most, most)(session);
    };
    const refused = await overtaken(pool, another, 1, () => client.post(`/v1/${noun}`, request(1)));
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict']);
    const { client: other } = await gateway.newTeam(`few ${noun}`);
    expect((await other.post(`/v1/${noun}`, request(0))).status).toBe(201);
  });
});

describe('what is scheduled and planned', () => {
  let team: { id: string; client: Client };
  let accounts: string[];
  beforeAll(async () => {
    team = await gateway.newTeam('planner');
    await gateway.connect('octopost', team.id);
    const { body } = await team.client.get('/v1/accounts?limit=10');
    accounts = body.data.map(({ id }: { id: string }) => id);
  });

  const schedule = () =>
    team.client.post('/v1/disconnects', { account_ids: [accounts[0]], scheduled_at: inAnHour() });

  test(`${MAX_SCHEDULED} disconnects are scheduled at most; one that is cancelled makes room`, async () => {
    const first = await schedule();
    expect(first.status).toBe(202);
    const { prisma } = gateway.database;
    const row = await prisma.disconnect.findUniqueOrThrow({ where: { id: first.body.data.id } });
    const step = await prisma.disconnectStep.findFirstOrThrow({ where: { disconnectId: row.id } });
    const copies = Array.from({ length: MAX_SCHEDULED - 1 }, (_, index) => `disc_copy${index}`);
    await prisma.disconnect.createMany({ data: copies.map((id) => ({ ...row, id })) });
    await gateway.database.pool.query(
      `INSERT INTO disconnect_steps SELECT (jsonb_populate_record(s, jsonb_build_object(
         'id', 'step_' || c.id, 'disconnect_id', c.id))).*
       FROM disconnect_steps s, unnest($2::text[]) AS c(id) WHERE s.id = $1`,
      [step.id, copies],
    );
    const refused = await schedule();
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict']);
    expect(refused.body.detail).toContain('100 scheduled disconnects');
    const cancelled = await team.client.post(`/v1/disconnects/${row.id}/cancel`);
    expect(cancelled.status).toBe(200);
    expect((await schedule()).status).toBe(202);
  });

  test('plans keep 16 MiB a team: the oldest make room, and a run still goes by the hash', async () => {
    const { pool, prisma } = gateway.database;
    // Random, so that compression leaves its size.
    await pool.query(
      `INSERT INTO disconnect_plans (team_id, hash, accounts, created_at)
       SELECT $1, 'plan' || n, to_jsonb((SELECT string_agg(md5(random()::text || n || m), '')
         FROM generate_series(1, 65536) m)), now() - n * interval '1 minute'
       FROM generate_series(1, 12) n`,
      [team.id],
    );
    const ask = { account_ids: [accounts[1]] };
    const planned = await team.client.post('/v1/disconnects', { ...ask, dry_run: true });
    expect(planned.status).toBe(200);
    const { rows } = await pool.query<{ bytes: string; oldest: string }>(
      `SELECT sum(pg_column_size(accounts)) AS bytes, max(hash) AS oldest
       FROM disconnect_plans WHERE team_id = $1`,
      [team.id],
    );
    expect(Number(rows[0]?.bytes)).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(await prisma.disconnectPlan.count({ where: { teamId: team.id, hash: 'plan12' } })).toBe(
      0,
    );
    expect(await prisma.disconnectPlan.count({ where: { teamId: team.id, hash: 'plan1' } })).toBe(
      1,
    );
  });

  test('answers under an Idempotency-Key keep 64 MiB a team; beyond it nothing is done', async () => {
    const { pool, prisma } = gateway.database;
    await pool.query(
      `INSERT INTO idempotency_keys (team_id, key_id, key, fingerprint, leased_by, held_by, answer, expires_at)
       SELECT $1, 'key_x', 'k' || n, '', 'x', 'x', convert_to(repeat('x', 8388608), 'UTF8'), now() + interval '1 day'
       FROM generate_series(1, 9) n`,
      [team.id],
    );
    const named = { name: 'with a key' };
    const key = { 'Idempotency-Key': 'one-more' };
    const request = { url: 'http://127.0.0.1:9/hook', types: [], description: named.name };
    const refused = await team.client.post('/v1/webhooks', request, key);
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    expect(await prisma.webhook.count({ where: { teamId: team.id } })).toBe(0);
    expect((await team.client.post('/v1/webhooks', request)).status).toBe(201);
    await pool.query(`DELETE FROM idempotency_keys WHERE key_id = 'key_x'`);
    expect((await team.client.post('/v1/webhooks', request, key)).status).toBe(201);
  });
});
