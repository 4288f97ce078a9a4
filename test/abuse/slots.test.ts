import type pg from 'pg';
import { isTimedOut } from '../../src/database/index.js';
import { QuerySlots, requestUse } from '../../src/database/query-slots.js';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** The database's connections are divided among teams, and a statement of a request has seconds. */
describe('the connections that requests have', () => {
  const hold = async (slots: QuerySlots, team: string, key: string, order: string[] = []) => {
    const free = await slots.take({ team, key, isBegun: false });
    order.push(team);
    return free;
  };

  test('are half for a team alone, and equal parts among several, however many keys one has', async () => {
    const slots = new QuerySlots(8, 10_000);
    const greedy = Array.from({ length: 20 }, (_, index) => hold(slots, 'greedy', `key${index}`));
    const held = await Promise.all(greedy.slice(0, 4));
    expect([slots.waiting('greedy'), slots.waiting()]).toEqual([16, 16]);
    const others = await Promise.all(['b', 'c', 'd'].map((team) => hold(slots, team, team)));
    // Two each now: what it gives back goes to nobody until it has less than two.
    for (const free of held.slice(0, 2)) free();
    expect(slots.waiting('greedy')).toBe(16);
    held[2]?.();
    await greedy[4];
    expect(slots.waiting('greedy')).toBe(15);
    for (const free of others) free();
    await Promise.all(greedy.map(async (taken) => (await taken)()));
    expect(slots.waiting()).toBe(0);
  });

  test('go to the teams that wait in turn, and one key has most of its team’s', async () => {
    const slots = new QuerySlots(10, 10_000);
    const first = await Promise.all(Array.from({ length: 4 }, () => hold(slots, 'a', 'one')));
    const waiting = hold(slots, 'a', 'one');
    expect(slots.waiting('a')).toBe(1);
    // Another key of the team goes ahead of it.
    const other = await hold(slots, 'a', 'two');
    expect(slots.waiting('a')).toBe(1);
    for (const free of [...first, other]) free();
    (await waiting)();

    const narrow = new QuerySlots(1, 10_000);
    const order: string[] = [];
    const free = await hold(narrow, 'a', 'one');
    const asked = ['a', 'a', 'a', 'b', 'b'].map(async (team) =>
      (await hold(narrow, team, team, order))(),
    );
    free();
    await Promise.all(asked);
    expect(order.slice(0, 4).sort()).toEqual(['a', 'a', 'b', 'b']);
    expect(order.indexOf('b')).toBeLessThan(2);
  });

  test('are left to others for a moment by a team whose queries wait, where another’s do not', async () => {
    const slots = new QuerySlots(4, 10_000);
    const held = await Promise.all(['one', 'two'].map((key) => hold(slots, 'greedy', key)));
    const waiting = ['one', 'two'].map((key) => hold(slots, 'greedy', key));
    const modest = await hold(slots, 'modest', 'one');
    held[0]?.();
    expect(slots.waiting('greedy')).toBe(2);
    // Now nobody is content with less: its connection goes on at once.
    modest();
    held[1]?.();
    expect(slots.waiting('greedy')).toBe(1);
    for (const free of await Promise.all(waiting)) free();
    expect(slots.waiting()).toBe(0);
  });

  test('go first to what is begun', async () => {
    const slots = new QuerySlots(1, 10_000);
    const order: string[] = [];
    const begun = { team: 'a', key: 'one', isBegun: false };
    const free = await slots.take(begun);
    expect(begun.isBegun).toBe(true);
    const others = [1, 2].map(() => hold(slots, 'a', 'new', order));
    const next = slots.take(begun).then((give) => {
      order.push('begun');
      return give;
    });
    free();
    (await next)();
    for (const other of others) (await other)();
    expect(order).toEqual(['begun', 'a', 'a']);
  });

  test('are waited for no longer than the pool waits, and given back once', async () => {
    const slots = new QuerySlots(1, 50);
    const free = await hold(slots, 'a', 'one');
    await expect(hold(slots, 'b', 'one')).rejects.toThrow('timeout exceeded');
    expect(slots.waiting()).toBe(0);
    free();
    free();
    (await hold(slots, 'b', 'one'))();
  });
});

test('a query that has no turn for too long is told apart from a database that is away', async () => {
  const gateway = await startGateway({ pool: { poolSize: 5, waitMs: 3_000 } });
  const { client } = await gateway.newTeam('waiting');
  await client.get('/v1/whoami');
  const lock = await gateway.database.pool.connect();
  try {
    await lock.query('BEGIN; LOCK TABLE webhooks IN ACCESS EXCLUSIVE MODE');
    const slow = Array.from({ length: 6 }, () => client.get('/v1/webhooks'));
    const first = await Promise.race(slow);
    expect([first.status, first.body.code]).toEqual([503, 'service_unavailable']);
    expect(first.body.detail).toContain('wait for the database. Send fewer requests at once.');
    await lock.query('ROLLBACK');
    await Promise.all(slow);
  } finally {
    lock.release();
    await gateway.stop();
  }
});

describe('a team whose queries are slow', () => {
  let gateway: Gateway;
  let greedy: Client;
  let greedyTeam: string;
  let victim: Client;
  let lock: pg.PoolClient;
  beforeAll(async () => {
    gateway = await startGateway({ load: { waitingQueries: 20, stalledMs: 300 } });
    ({ client: greedy, id: greedyTeam } = await gateway.newTeam('greedy'));
    victim = (await gateway.newTeam('victim')).client;
    await Promise.all([greedy, victim].map((client) => client.get('/v1/whoami')));
    lock = await gateway.database.pool.connect();
    await lock.query('BEGIN; LOCK TABLE webhooks IN ACCESS EXCLUSIVE MODE');
  });
  afterAll(async () => {
    await lock.query('ROLLBACK');
    lock.release();
    await gateway.stop();
  });

  const isShed = ({ status, body }: Reply) =>
    status === 503 && /waiting for the database|wait too long/.test(body.detail);

  test('has its own refused, and the others answered; its statements are given up', async () => {
    const slow = Array.from({ length: 20 }, () => greedy.get('/v1/webhooks'));
    await waitFor('its queries to wait', () => gateway.database.slots.stalledMs(greedyTeam) > 300);
    const more = await greedy.get('/v1/accounts');
    expect(isShed(more)).toBe(true);
    expect(more.headers.get('retry-after')).toBe('2');
    for (let count = 0; count < 30; count++) {
      const reply = await victim.get(`/v1/accounts?updated_since=2026-01-01T00:00:${10 + count}Z`);
      expect(reply.status).toBe(200);
    }
    const [first] = await Promise.all(slow.slice(0, 1));
    expect([first?.status, first?.body.code]).toEqual([503, 'service_unavailable']);
    expect(first?.body.detail).toContain('took too long in the database');
    await lock.query('ROLLBACK; BEGIN');
    const later = await Promise.all(slow);
    expect(new Set(later.map(({ status }) => status))).toEqual(new Set([200, 503]));
    expect((await greedy.get('/v1/webhooks')).status).toBe(200);
  });

  test('a session has its long limit back when background work takes it', async () => {
    const { pool, prisma } = gateway.database;
    const use = {
      team: 'a',
      key: 'b',
      statementMs: 200,
      isBegun: false,
      reads: undefined,
      isOver: false,
    };
    await expect(
      requestUse.run(use, () => pool.query('SELECT pg_sleep(60)')),
    ).rejects.toMatchObject({ code: '57014' });
    // The session that the cancelled statement ran on goes on.
    const failure = await requestUse
      .run(use, async () => await prisma.$queryRaw`SELECT pg_sleep(60)::text`)
      .catch((error: unknown) => error);
    expect(isTimedOut(failure)).toBe(true);
    const all = Array.from({ length: 6 }, () => pool.query('SELECT pg_sleep(0.5)'));
    expect(await Promise.all(all)).toHaveLength(6);
    const over = { ...use, isOver: true };
    expect(
      (await requestUse.run(over, () => pool.query('SELECT pg_sleep(0.5)'))).rows,
    ).toHaveLength(1);
  });
});
