import fc from 'fast-check';
import { ORDER_KEYS, type OrderKey } from '../../src/accounts/account-filter.js';
import { ORDER_DIRECTIONS, type OrderDirection } from '../../src/http/keyset.js';
import { type Client, clientOf } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';

/** Scans in all; those of one world, one by each key, run side by side. */
const RUNS = 510;
const MAX_PAGES = 1_000;
const ROWS = 8;

let clock: ManualClock;
let gateway: Gateway;
let client: Client;
/** The rows of the scans, by their ids, which break ties; there are no others. */
let seeded: string[];
beforeAll(async () => {
  clock = manualClock(Date.now());
  gateway = await startGateway({ clock });
  await gateway.connect('octopost');
  client = clientOf(gateway.url, gateway.root.key);
  seeded = (
    await gateway.database.pool.query<{ id: string }>(
      'SELECT id FROM accounts ORDER BY id LIMIT $1',
      [ROWS],
    )
  ).rows.map(({ id }) => id);
  await gateway.database.pool.query('DELETE FROM accounts WHERE id <> ALL($1)', [seeded]);
});
afterAll(() => gateway.stop());

/** What rows are sorted by. Few values, so that ties and nulls are many. */
const places = fc.record({
  created_at: fc.constantFrom(
    '2026-01-01T00:00:00.001Z',
    '2026-01-01T00:00:00.002Z',
    '2026-03-01T00:00:00Z',
  ),
  updated_at: fc.constantFrom(
    '2026-01-01T00:00:00.001Z',
    '2026-01-01T00:00:00.002Z',
    '2026-03-01T00:00:00Z',
  ),
  connected_at: fc.constantFrom(null, '2026-01-01T00:00:00Z', '2026-03-01T00:00:00Z'),
  username: fc.constantFrom(null, '', 'a', 'é', 'z_', '北'),
  followers: fc.constantFrom(null, 0, 1, 9_007_199_254_740_991),
  health_since: fc.constantFrom('2026-01-01T00:00:00.001Z', '2026-03-01T00:00:00Z'),
} satisfies Record<OrderKey, unknown>);
type Place = typeof places extends fc.Arbitrary<infer Value> ? Value : never;

/**
 * A row gets other values, and goes or comes (back). Of two changes of one row in a statement only
 * one would count.
 */
const disturbances = fc.uniqueArray(
  fc.record({ row: fc.nat(ROWS - 1), place: places, present: fc.boolean() }),
  {
    maxLength: 6,
    selector: ({ row }) => row,
  },
);
const worlds = fc.record({
  places: fc.array(places, { minLength: ROWS, maxLength: ROWS }),
  /** The rows that stay put. */
  still: fc.subarray([...Array(ROWS).keys()], { minLength: 1, maxLength: ROWS - 2 }),
  /** What happens between two pages, over and over. */
  between: fc.array(disturbances, { minLength: 1, maxLength: 8 }),
  scans: fc.tuple(
    ...ORDER_KEYS.map((order) =>
      fc.record({
        order: fc.constant(order),
        direction: fc.constantFrom(...ORDER_DIRECTIONS),
        limit: fc.integer({ min: 1, max: 4 }),
      }),
    ),
  ),
});

/** Gives rows their places in every order, and shows or hides them. */
async function write(
  rows: readonly { row: number; place: Place; present: boolean }[],
): Promise<void> {
  const written = rows.map(({ row, place, present }) => ({
    id: seeded[row],
    ...place,
    status: present ? 'active' : 'disconnected',
  }));
  await gateway.database.pool.query(
    `UPDATE accounts a SET created_at = r.created_at, updated_at = r.updated_at, connected_at = r.connected_at,
       username_key = r.username, followers = r.followers, health_since = r.health_since,
       status = r.status
     FROM jsonb_to_recordset($1) AS r (id text, created_at timestamptz, updated_at timestamptz, connected_at timestamptz,
       username text, followers bigint, health_since timestamptz, status text) WHERE a.id = r.id`,
    [JSON.stringify(written)],
  );
}

/** A scan that goes on by one page a call, until it says that it is at its end. */
function startScan(order: OrderKey, direction: OrderDirection, limit: number) {
  const seen: string[] = [];
  let cursor = '';
  const readPage = async (): Promise<{ isDone: boolean }> => {
    const { status, body } = await client.get(
      `/v1/accounts?order_by=${order}&order_direction=${direction}&limit=${limit}${cursor}`,
    );
    expect(status).toBe(200);
    seen.push(...body.data.map(({ id }: { id: string }) => id));
    cursor = `&cursor=${body.pagination.next_cursor}`;
    return { isDone: !body.pagination.has_next };
  };
  return { name: `${order} ${direction}`, seen, readPage };
}

describe('a scan', () => {
  test(`shows rows that stay put exactly once while others come, go and move (${RUNS} scans)`, async () => {
    const done = new Set<string>();
    await fc.assert(
      fc.asyncProperty(worlds, async ({ places, still, between, scans }) => {
        await write(places.map((place, row) => ({ row, place, present: true })));
        const started = scans.map(({ order, direction, limit }) =>
          startScan(order, direction, limit),
        );
        let going = started;
        for (let page = 0; going.length > 0; page++) {
          // Rows that move ahead are met again, yet a scan comes to its end.
          expect(page).toBeLessThan(MAX_PAGES);
          const pages = await Promise.all(
            going.map(async (scan) => ({ scan, ...(await scan.readPage()) })),
          );
          going = pages.filter(({ isDone }) => !isDone).map(({ scan }) => scan);
          await write(
            (between[page % between.length] ?? []).filter(({ row }) => !still.includes(row)),
          );
        }
        const staying = still.map((row) => seeded[row] ?? '');
        for (const { name, seen } of started) {
          done.add(name);
          expect({ name, seen: seen.filter((id) => staying.includes(id)).sort() }).toEqual({
            name,
            seen: staying,
          });
        }
      }),
      { numRuns: RUNS / ORDER_KEYS.length },
    );
    expect(done.size).toBe(ORDER_KEYS.length * ORDER_DIRECTIONS.length);
  });
});

describe('a cursor', () => {
  const next = async (path: string) =>
    (await gateway.root.get(path)).body.pagination.next_cursor as string;
  const hours = (count: number) => clock.advance(count * 3_600_000);

  test('is good for a day, and refused soon after', async () => {
    const cursor = await next('/v1/accounts?limit=2');
    for (const appended of [`${cursor}.`, `${cursor}.x`, `${cursor}x`, `${cursor}=`]) {
      const answer = await gateway.root.get(`/v1/accounts?limit=2&cursor=${appended}`);
      expect([appended, answer.body.code]).toStrictEqual([appended, 'cursor_mismatch']);
    }
    hours(24);
    expect((await gateway.root.get(`/v1/accounts?limit=2&cursor=${cursor}`)).status).toBe(200);
    hours(1);
    const late = await gateway.root.get(`/v1/accounts?limit=2&cursor=${cursor}`);
    expect(late).toMatchObject({
      status: 422,
      body: { code: 'cursor_mismatch', errors: [{ field: 'cursor', message: 'is too old' }] },
    });
    const [, body, signature] = cursor.split('.');
    const renewed = `${Math.floor(clock.now().getTime() / 3_600_000)}.${body}.${signature}`;
    expect((await gateway.root.get(`/v1/accounts?limit=2&cursor=${renewed}`)).body.code).toBe(
      'cursor_mismatch',
    );
  });

  test('is fresh in a page that is known by its ETag', async () => {
    const { headers } = await gateway.root.get('/v1/accounts?limit=2');
    hours(26);
    const again = await gateway.root.get('/v1/accounts?limit=2', {
      'If-None-Match': headers.get('etag') ?? '',
    });
    expect(again.status).toBe(200);
    expect(
      (await gateway.root.get(`/v1/accounts?limit=2&cursor=${again.body.pagination.next_cursor}`))
        .status,
    ).toBe(200);
  });

  test('of a feed is good for as long as the feed remembers', async () => {
    await gateway.settled();
    const cursor = await next('/v1/events?limit=1');
    hours(50);
    expect((await gateway.root.get(`/v1/events?limit=1&after=${cursor}`)).status).toBe(200);
  });
});
