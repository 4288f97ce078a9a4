import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ORDER_DIRECTIONS, ORDER_KEYS, type OrderKey } from '../../src/accounts/account-filter.js';
import { type Client, clientOf } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';

const RUNS = 200;

let clock: ManualClock;
let gateway: Gateway;
let client: Client;
/** The rows of the scans; there are no others. */
let seeded: string[];
beforeAll(async () => {
  clock = manualClock(Date.now(), { skip: true });
  gateway = await startGateway({ clock });
  await gateway.connect('octopost');
  client = clientOf(gateway.url, gateway.root.key);
  seeded = (await gateway.database.pool.query<{ id: string }>('SELECT id FROM accounts ORDER BY id LIMIT 10')).rows.map(({ id }) => id);
  await gateway.database.pool.query('DELETE FROM accounts WHERE id <> ALL($1)', [seeded]);
});
afterAll(() => gateway.stop());

/** What rows are sorted by. Few values, so that ties and nulls are many. */
const COLUMNS: Readonly<Record<OrderKey, readonly [column: string, type: string, values: readonly (string | number | null)[]]>> = {
  created_at: ['created_at', 'timestamptz', ['2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.002Z', '2026-03-01T00:00:00Z']],
  updated_at: ['updated_at', 'timestamptz', ['2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.002Z', '2026-03-01T00:00:00Z']],
  connected_at: ['connected_at', 'timestamptz', [null, '2026-01-01T00:00:00Z', '2026-03-01T00:00:00Z']],
  username: ['username_key', 'text', [null, '', 'a', 'é', 'z_', '北']],
  followers: ['followers', 'bigint', [null, 0, 1, 9_007_199_254_740_991]],
};

/** Row `row` gets another value, and goes or comes (back). */
const disturbances = fc.array(fc.record({ row: fc.nat(), value: fc.nat(), present: fc.boolean() }), { maxLength: 4 });
const scans = fc.record({
  order: fc.constantFrom(...ORDER_KEYS),
  direction: fc.constantFrom(...ORDER_DIRECTIONS),
  limit: fc.integer({ min: 1, max: 4 }),
  values: fc.array(fc.nat(), { minLength: 10, maxLength: 10 }),
  /** How many rows stay put. */
  still: fc.integer({ min: 1, max: 8 }),
  between: fc.array(disturbances, { minLength: 1, maxLength: 8 }),
});

/** Gives rows their place in the order, and shows or hides them. */
async function write(order: OrderKey, rows: readonly { id: string; value: number; present: boolean }[]): Promise<void> {
  const [column, type, values] = COLUMNS[order];
  await gateway.database.pool.query(
    `UPDATE accounts a SET ${column} = r.value, status = CASE WHEN r.present THEN 'active' ELSE 'disconnected' END
     FROM unnest($1::text[], $2::${type}[], $3::boolean[]) AS r (id, value, present) WHERE a.id = r.id`,
    [rows.map(({ id }) => id), rows.map(({ value }) => values[value % values.length]), rows.map(({ present }) => present)],
  );
}

describe('a scan', () => {
  test(`shows rows that stay put exactly once while others come, go and move (${RUNS} scans)`, async () => {
    const done = new Set<string>();
    await fc.assert(
      fc.asyncProperty(scans, async ({ order, direction, limit, values, still, between }) => {
        done.add(`${order} ${direction}`);
        const ids = seeded.map((id, index) => ({ id, rank: values[index] ?? 0 }));
        // Those that stay are strewn over the ids, which break ties.
        const staying = new Set(
          [...ids]
            .sort((one, other) => one.rank - other.rank)
            .slice(0, still)
            .map(({ id }) => id),
        );
        const moving = seeded.filter((id) => !staying.has(id));
        await write(
          order,
          ids.map(({ id, rank }) => ({ id, value: rank, present: true })),
        );
        const seen: string[] = [];
        let cursor = '';
        for (let page = 0; ; page++) {
          const { status, body } = await client.get(`/v1/accounts?order_by=${order}&order_direction=${direction}&limit=${limit}${cursor}`);
          expect(status).toBe(200);
          seen.push(...body.data.map(({ id }: { id: string }) => id));
          if (!body.pagination.has_next) break;
          cursor = `&cursor=${body.pagination.next_cursor}`;
          const changes = (between[page % between.length] ?? []).map(({ row, value, present }) => ({
            id: moving[row % moving.length] ?? '',
            value,
            present,
          }));
          // Of two changes of one row in a statement only one would count.
          await write(order, [...new Map(changes.map((change) => [change.id, change])).values()]);
        }
        expect(seen.filter((id) => staying.has(id)).sort()).toEqual([...staying].sort());
      }),
      { numRuns: RUNS },
    );
    expect(done.size).toBe(ORDER_KEYS.length * ORDER_DIRECTIONS.length);
  });
});

describe('a cursor', () => {
  const next = async (path: string) => (await gateway.root.get(path)).body.pagination.next_cursor as string;
  const hours = (count: number) => clock.advance(count * 3_600_000);

  test('is good for a day, and refused soon after', async () => {
    const cursor = await next('/v1/accounts?limit=2');
    hours(24);
    expect((await gateway.root.get(`/v1/accounts?limit=2&cursor=${cursor}`)).status).toBe(200);
    hours(1);
    const late = await gateway.root.get(`/v1/accounts?limit=2&cursor=${cursor}`);
    expect(late).toMatchObject({ status: 422, body: { code: 'cursor_mismatch', errors: [{ field: 'cursor', message: 'is too old' }] } });
    const [, body, signature] = cursor.split('.');
    const renewed = `${Math.floor(clock.now().getTime() / 3_600_000)}.${body}.${signature}`;
    expect((await gateway.root.get(`/v1/accounts?limit=2&cursor=${renewed}`)).body.code).toBe('cursor_mismatch');
  });

  test('is fresh in a page that is known by its ETag', async () => {
    const { headers } = await gateway.root.get('/v1/accounts?limit=2');
    hours(26);
    const again = await gateway.root.get('/v1/accounts?limit=2', { 'If-None-Match': headers.get('etag') ?? '' });
    expect(again.status).toBe(200);
    expect((await gateway.root.get(`/v1/accounts?limit=2&cursor=${again.body.pagination.next_cursor}`)).status).toBe(200);
  });

  test('of a feed is good for as long as the feed remembers', async () => {
    await gateway.settled();
    const cursor = await next('/v1/events?limit=1');
    hours(50);
    expect((await gateway.root.get(`/v1/events?limit=1&after=${cursor}`)).status).toBe(200);
  });
});
