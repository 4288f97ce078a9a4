import { PROVIDER_NAMES } from '../../sandbox/index.js';
import type { Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { pagesOf } from '../support/pages.js';

let gateway: Gateway;
const connections: Record<string, string> = {};

/** An account, as far as these tests look at it. */
interface Item {
  readonly id: string;
  readonly ref: string;
  readonly username: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly connected_at: string | null;
  readonly metrics: { readonly followers: number | null };
  readonly health: { readonly since: string };
}

beforeAll(async () => {
  gateway = await startGateway();
  for (const provider of PROVIDER_NAMES) connections[provider] = await gateway.connect(provider);
});
afterAll(() => gateway.stop());

const list = async (query: string): Promise<Item[]> => {
  const reply = await gateway.root.get(`/v1/accounts?limit=200&${query}`);
  expect(reply.status).toBe(200);
  return reply.body.data;
};
const refs = async (query: string) => (await list(query)).map(({ ref }) => ref).sort();

/** Every page, by the cursors; `between` runs after each. */
async function everyPage(
  query: string,
  between: (page: number) => Promise<unknown> = async () => undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  let pages = 0;
  for await (const { data, pagination } of pagesOf(gateway.root, `/v1/accounts?${query}`)) {
    items.push(...data);
    pages += 1;
    expect(pagination.has_next).toBe(pagination.next_cursor !== null);
    if (pagination.has_next) await between(pages);
  }
  return items;
}

describe('order', () => {
  const sortKeys: Readonly<Record<string, (item: Item) => string | number | null>> = {
    created_at: ({ created_at }) => created_at,
    updated_at: ({ updated_at }) => updated_at,
    connected_at: ({ connected_at }) => connected_at,
    username: ({ username }) => username?.toLowerCase() ?? null,
    followers: ({ metrics }) => metrics.followers,
    health_since: ({ health }) => health.since,
  };
  /** By key then id, both in the direction; nulls last in either. */
  const inOrder = (
    items: readonly Item[],
    keyOf: (item: Item) => string | number | null,
    sign: 1 | -1,
  ) =>
    [...items].sort((one, other) => {
      const [a, b] = [keyOf(one), keyOf(other)];
      if ((a === null) !== (b === null)) return a === null ? 1 : -1;
      const byKey = a === b ? 0 : a !== null && b !== null && a < b ? -1 : 1;
      return sign * (byKey || (one.id < other.id ? -1 : 1));
    });

  for (const [orderBy, keyOf] of Object.entries(sortKeys)) {
    test.each([
      ['asc', 1],
      ['desc', -1],
    ] as const)(
      `by ${orderBy} %s, ties by id, nulls last, on pages of any size`,
      async (direction, sign) => {
        const all = await list('');
        const sorted = inOrder(all, keyOf, sign).map(({ ref }) => ref);
        for (const limit of [1, 7, 200]) {
          const paged = await everyPage(
            `order_by=${orderBy}&order_direction=${direction}&limit=${limit}`,
          );
          expect(paged.map(({ ref }) => ref)).toEqual(sorted);
        }
      },
    );
  }

  test('has ties and nulls to show', async () => {
    const all = await list('');
    expect(all.filter(({ metrics }) => metrics.followers === null).length).toBeGreaterThan(1);
    expect(all.filter(({ metrics }) => metrics.followers === 0).length).toBeGreaterThan(1);
    expect(all.filter(({ username }) => username === null).length).toBeGreaterThan(1);
    expect(
      all.filter(({ username }) => username?.toLowerCase() === 'acmefitness').length,
    ).toBeGreaterThan(1);
  });

  test('is by creation, newest first, unless asked otherwise', async () => {
    const all = await list('');
    expect((await list('order_by=created_at&order_direction=desc')).map(({ id }) => id)).toEqual(
      all.map(({ id }) => id),
    );
    const { body } = await gateway.root.get('/v1/accounts');
    expect(body.pagination.limit).toBe(50);
    expect(body.filters).toEqual({ order_by: 'created_at', order_direction: 'desc' });
  });
});

describe('cursors', () => {
  const cursorOf = (reply: Reply): string => reply.body.pagination.next_cursor;
  const isMismatch = (reply: Reply) =>
    expect(reply).toMatchObject({ status: 422, body: { code: 'cursor_mismatch' } });

  test('that were altered are refused', async () => {
    const cursor = cursorOf(await gateway.root.get('/v1/accounts?limit=2'));
    const [body = '', signature = ''] = cursor.split('.');
    const forged = Buffer.from(JSON.stringify([null, 'acct_0'])).toString('base64url');
    const altered = [
      `${body}A.${signature}`,
      `${forged}.${signature}`,
      body,
      `${body}.`,
      `.${signature}`,
      'x',
      `${cursor}x`,
      'a.b.c',
    ];
    for (const each of altered)
      isMismatch(await gateway.root.get(`/v1/accounts?limit=2&cursor=${encodeURIComponent(each)}`));
  });

  test('are good for their own filters, sort, list and team only; the page size may change', async () => {
    const cursor = cursorOf(await gateway.root.get('/v1/accounts?limit=2&provider=outfame'));
    for (const query of [
      '',
      'provider=octopost',
      'provider=outfame&platform=tiktok',
      'provider=outfame&order_by=username',
      'provider=outfame&order_direction=asc',
    ]) {
      isMismatch(await gateway.root.get(`/v1/accounts?${query}&cursor=${cursor}`));
    }
    isMismatch(await gateway.root.get(`/v1/accounts/health?provider=outfame&cursor=${cursor}`));
    isMismatch(await gateway.root.get(`/v1/connections?cursor=${cursor}`));
    const { client } = await gateway.newTeam('cursor thieves');
    isMismatch(await client.get(`/v1/accounts?provider=outfame&cursor=${cursor}`));
    expect(
      (await gateway.root.get(`/v1/accounts?limit=5&provider=outfame&cursor=${cursor}`)).body.data,
    ).toHaveLength(5);
  });

  test.each(['created_at', 'updated_at', 'username', 'followers', 'connected_at'])(
    'show rows that stay put exactly once while others come, go and move (by %s)',
    async (orderBy) => {
      const before = new Set(await refs('provider=octopost'));
      let made = 0;
      const disturb = async (page: number) => {
        const provider = gateway.sandbox.provider('octopost');
        made += 1;
        provider.putAccount(`acc_${orderBy}_${made}`, {
          username: page % 2 ? 'aaaa' : 'zzzz',
          display_name: 'newcomer',
        });
        if (made > 2) provider.removeAccount(`acc_${orderBy}_${made - 2}`);
        await gateway.sweep(connections.octopost ?? '');
      };
      const seen = (await everyPage(`provider=octopost&limit=3&order_by=${orderBy}`, disturb)).map(
        ({ ref }) => ref,
      );
      const stayed = seen.filter((ref) => before.has(ref) && !ref.includes(`acc_${orderBy}_`));
      expect(new Set(stayed).size).toBe(stayed.length);
      expect(new Set(stayed)).toEqual(before);
      expect(made).toBeGreaterThan(2);
      for (let number = 1; number <= made; number++)
        gateway.sandbox.provider('octopost').removeAccount(`acc_${orderBy}_${number}`);
      await gateway.sweep(connections.octopost ?? '');
    },
  );
});
