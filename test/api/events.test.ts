import pg from 'pg';
import { recordEvents } from '../../src/events/index.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { pagesOf } from '../support/pages.js';
import { readStream } from '../support/stream.js';
import { waitFor } from '../support/wait.js';

interface Event {
  readonly id: string;
  readonly type: string;
  readonly account_id: string | null;
  readonly data: { readonly [field: string]: unknown };
}

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

/** Everything after a cursor, page by page, as a poller reads it. */
async function poll(
  after: string | null,
  type?: string,
): Promise<{ events: Event[]; next: string | null }> {
  await gateway.settled();
  const events: Event[] = [];
  let next = after;
  const query = new URLSearchParams({
    limit: '200',
    ...(after !== null && { after }),
    ...(type !== undefined && { type }),
  });
  for await (const { data, pagination } of pagesOf(gateway.root, `/v1/events?${query}`, 'after')) {
    events.push(...data);
    next = pagination.next_cursor;
  }
  return { events, next };
}

describe('what is written', () => {
  test('a first sweep tells of the connection and of every account, with its health', async () => {
    const connectionId = await gateway.connect('outfame');
    const { events } = await poll(null);
    const accounts = (await gateway.root.get('/v1/accounts?limit=200')).body.data;
    expect(events.filter(({ type }) => type === 'connection.created')).toHaveLength(1);
    const discovered = events.filter(({ type }) => type === 'account.discovered');
    expect(new Set(discovered.map((event) => event.account_id))).toEqual(
      new Set(accounts.map((account: { id: string }) => account.id)),
    );
    const [account] = accounts;
    const event = discovered.find((candidate) => candidate.account_id === account.id);
    const { status, reason, fault } = account.health;
    expect(event?.data.account).toMatchObject({
      ref: account.ref,
      status: account.status,
      health: { status, reason, fault },
    });

    const quiet = await poll(null);
    await gateway.sweep(connectionId);
    expect((await poll(quiet.next)).events).toEqual([]);
  });

  test('pausing an account changes its health and its fields; labels are told too', async () => {
    const { next } = await poll(null);
    const id = 'outfame:acc_7Gx2kLm9Qr';
    await gateway.root.post(`/v1/accounts/${id}/pause`);
    await gateway.root.patch(`/v1/accounts/${id}`, { labels: { brand: 'acme' } });
    const { events } = await poll(next);
    expect(events.map(({ type }) => type)).toEqual([
      'account.health_changed',
      'account.updated',
      'profile.health_changed',
      'account.updated',
    ]);
    expect(events[0]?.data).toMatchObject({
      from: { status: 'healthy', reason: null },
      account: {
        status: 'paused',
        health: { status: 'warning', reason: 'account_paused', fault: 'account' },
      },
    });
    expect(events[1]?.data.changed).toEqual(expect.arrayContaining(['status', 'provider_status']));
    expect(events[2]?.data).toMatchObject({
      from: { status: 'healthy', reason: null },
      health: { status: 'warning' },
    });
    expect(events[3]?.data.changed).toEqual(['labels']);
  });

  test('an account that its provider lists no more has vanished', async () => {
    const { next } = await poll(null);
    const connection = (await gateway.root.get('/v1/connections')).body.data[0];
    gateway.sandbox.provider('outfame').removeAccount('acc_7Gx2kLm9Qr');
    await gateway.sweep(connection.id);
    expect((await poll(next)).events.map(({ type }) => type)).toEqual(['account.vanished']);
    expect((await poll(next, 'connection.*')).events).toEqual([]);
  });
});

describe('GET /v1/events', () => {
  test('goes on from the id of an event; refuses what is neither that nor a cursor of the team', async () => {
    const { events } = await poll(null);
    const { body } = await gateway.root.get(`/v1/events?after=${events[0]?.id}&limit=1`);
    expect(body.data[0].id).toBe(events[1]?.id);
    const other = await gateway.newTeam('events');
    const { next_cursor } = body.pagination;
    const refused = (await other.client.get(`/v1/events?after=${next_cursor}`)).body;
    expect(refused).toMatchObject({ code: 'cursor_mismatch', errors: [{ field: 'after' }] });
    expect((await other.client.get(`/v1/events?after=${events[0]?.id}`)).status).toBe(422);
    expect((await other.client.get('/v1/events')).body.data).toEqual([]);
    expect((await gateway.root.get('/v1/events?type=account.made_up')).status).toBe(422);
  });

  describe('of one account', () => {
    const ID = 'acct_events_of_one';
    const QUERY = `/v1/events?account_id=${ID}`;
    let written: string[] = [];
    beforeAll(async () => {
      const client = await gateway.database.pool.connect();
      for (let number = 0; number < 5; number++)
        for (const accountId of [ID, 'acct_another'])
          await recordEvents(
            client,
            DEFAULT_TEAM_ID,
            [{ type: 'account.updated', accountId, data: { number } }],
            new Date(),
          );
      client.release();
      const { events } = await poll(null);
      written = events.filter(({ account_id: of }) => of === ID).map(({ id }) => id);
      expect(written).toHaveLength(5);
    });
    const pagedBy = async (query: string) => {
      const ids: string[] = [];
      for await (const { data } of pagesOf(gateway.root, query, 'after'))
        ids.push(...data.map(({ id }: Event) => id));
      return ids;
    };

    test('has them oldest first, newest first, and page by page', async () => {
      const first = (await gateway.root.get(QUERY)).body;
      expect(first.data.map(({ id }: Event) => id)).toEqual(written);
      expect(first.filters).toEqual({ account_id: ID, order_direction: 'asc' });
      // A poller goes on from there, whatever it asks for then.
      const next = first.pagination.next_cursor;
      expect((await gateway.root.get(`${QUERY}&after=${next}`)).body.data).toEqual([]);
      expect(await pagedBy(`${QUERY}&limit=2`)).toEqual(written);
      const back = [...written].reverse();
      expect(await pagedBy(`${QUERY}&order_direction=desc&limit=2`)).toEqual(back);
      expect(await pagedBy(`${QUERY}&order_direction=desc&limit=5`)).toEqual(back);
      expect(await pagedBy(`${QUERY}&order_direction=desc&after=${written[2]}`)).toEqual(
        back.slice(3),
      );
      const types = `${QUERY}&type=connection.*`;
      expect((await gateway.root.get(types)).body.data).toEqual([]);
    });

    test('all events newest first are those that the feed has, from its end', async () => {
      const all = (await poll(null)).events.map(({ id }) => id);
      expect(await pagedBy('/v1/events?order_direction=desc&limit=200')).toEqual(all.reverse());
      const page = await gateway.root.get('/v1/events?order_direction=desc&limit=200&after=evt_x');
      expect(page.status).toBe(422);
    });

    test('goes on in the direction that a cursor is of', async () => {
      for (const [made, used] of [
        ['asc', 'desc'],
        ['desc', 'asc'],
      ]) {
        const { pagination } = (await gateway.root.get(`${QUERY}&limit=1&order_direction=${made}`))
          .body;
        const turned = await gateway.root.get(
          `${QUERY}&order_direction=${used}&after=${pagination.next_cursor}`,
        );
        expect(turned).toMatchObject({ status: 422, body: { code: 'cursor_mismatch' } });
      }
      const { pagination } = (await gateway.root.get(`${QUERY}&order_direction=desc`)).body;
      expect(pagination).toEqual({ next_cursor: null, has_next: false, limit: 50 });
    });

    test('shows those that its team and its key may see', async () => {
      const other = await gateway.newTeam('events of one account');
      expect((await other.client.get(QUERY)).body.data).toEqual([]);
      const client = await gateway.database.pool.connect();
      const ofProvider = { type: 'account.updated', accountId: 'acct_restricted' } as const;
      await recordEvents(
        client,
        DEFAULT_TEAM_ID,
        [{ ...ofProvider, providers: ['octopost'], data: {} }],
        new Date(),
      );
      client.release();
      await gateway.settled();
      for (const [provider, count] of [
        ['octopost', 1],
        ['outfame', 0],
      ] as const) {
        const { body } = await gateway.root.post('/v1/keys', {
          name: provider,
          scopes: ['read'],
          providers: [provider],
        });
        const answer = await gateway
          .with(body.data.key)
          .get('/v1/events?account_id=acct_restricted');
        expect([provider, answer.body.data.length]).toEqual([provider, count]);
      }
    });

    test('streams what happens to it alone', async () => {
      const stream = await readStream(gateway, `/v1/events/stream?account_id=${ID}`);
      const client = await gateway.database.pool.connect();
      for (const accountId of ['acct_another', ID])
        await recordEvents(
          client,
          DEFAULT_TEAM_ID,
          [{ type: 'account.updated', accountId, data: {} }],
          new Date(),
        );
      client.release();
      const [event] = await stream.take(1);
      expect(event?.data.account_id).toBe(ID);
      stream.close();
    });
  });

  test('a poller misses nothing of many writers that commit in any order', async () => {
    const { next } = await poll(null);
    const written = new Set<string>();
    let writing = true;
    const writer = async (number: number) => {
      for (let turn = 0; turn < 25; turn++) {
        const client = await gateway.database.pool.connect();
        await client.query('BEGIN');
        const event = { type: 'account.updated', accountId: null, data: { number, turn } } as const;
        await recordEvents(client, DEFAULT_TEAM_ID, [event], new Date());
        // Held open for a random while: later transactions commit first.
        await client.query('SELECT pg_sleep($1)', [Math.random() * 0.01]);
        const aborts = turn % 5 === 4;
        await client.query(aborts ? 'ROLLBACK' : 'COMMIT');
        client.release();
        if (!aborts) written.add(`${number} ${turn}`);
      }
    };
    const seen: string[] = [];
    let cursor = next;
    const reading = waitFor('the poller to read on after the last write', async () => {
      const isLast = !writing;
      const page = await poll(cursor);
      cursor = page.next;
      seen.push(...page.events.map(({ data }) => `${data.number} ${data.turn}`));
      return isLast;
    });
    await Promise.all(Array.from({ length: 8 }, (_, number) => writer(number)));
    writing = false;
    await reading;
    expect(seen.length).toBe(written.size);
    expect(new Set(seen)).toEqual(written);
  });
});

describe('GET /v1/events/stream', () => {
  test('tells what comes, and resumes behind the last id', async () => {
    const stream = await readStream(gateway, '/v1/events/stream?type=account.updated');
    const write = async (number: number) => {
      const client = new pg.Client(gateway.database.pool.options);
      await client.connect();
      await recordEvents(
        client,
        DEFAULT_TEAM_ID,
        [{ type: 'account.updated', accountId: null, data: { number } }],
        new Date(),
      );
      await client.end();
    };
    await write(1);
    const [first] = await stream.take(1);
    expect(first?.data).toMatchObject({ type: 'account.updated', data: { number: 1 } });
    stream.close();
    await write(2);
    await write(3);
    const resumed = await readStream(gateway, '/v1/events/stream?type=account.updated', {
      'Last-Event-ID': first?.id ?? '',
    });
    expect((await resumed.take(2)).map(({ data }) => data.data)).toEqual([
      { number: 2 },
      { number: 3 },
    ]);
    resumed.close();
  });

  test('is refused to callers that take JSON only, and ends while the gateway drains', async () => {
    expect(
      (await gateway.root.get('/v1/events/stream', { Accept: 'application/json' })).status,
    ).toBe(406);
    const stream = await readStream(gateway, '/v1/events/stream');
    expect(stream.retries()).toEqual([1_000]);
    gateway.app.drain();
    await stream.ended;
    // Wherever they connect again, they do not all come at once.
    const late = await Promise.all(
      Array.from({ length: 5 }, () => readStream(gateway, '/v1/events/stream')),
    );
    await Promise.all(late.map(({ ended }) => ended));
    const told = [stream, ...late].map(({ retries }) => retries().at(-1) ?? 0);
    expect(Math.min(...told)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...told)).toBeLessThanOrEqual(10_000);
    expect(new Set(told).size).toBeGreaterThan(1);
  });
});
