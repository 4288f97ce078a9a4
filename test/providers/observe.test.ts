import { systemClock } from '../../src/lib/clock.js';
import { ProviderError } from '../../src/model/index.js';
import type { ObservedPage, ProviderConnection, Providers } from '../../src/providers/index.js';
import { afterEach, beforeEach, describe, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';
import {
  API_KEY,
  engineFor,
  failureOf,
  type Handler,
  inTurn,
  item,
  json,
  NO_SUCH_ACCOUNT,
  type SmallProvider,
  startSmallProvider,
} from './small-provider.js';

let provider: SmallProvider;
let providers: Providers;
let full: ProviderConnection;
let plain: ProviderConnection;

beforeEach(async () => {
  provider = await startSmallProvider();
  ({ providers, full, plain } = engineFor(provider));
});

afterEach(async () => {
  await providers.close();
  await provider.close();
});

async function everyPage(walk: AsyncIterable<ObservedPage>): Promise<ObservedPage[]> {
  const pages: ObservedPage[] = [];
  for await (const page of walk) pages.push(page);
  return pages;
}

const idsOf = (pages: readonly ObservedPage[]) =>
  pages.map((page) => page.accounts.map((observation) => observation.account.providerAccountId));

/** Lists and health under their own paths, as the plain provider has them. */
const plainProvider =
  (accounts: readonly unknown[], health: readonly unknown[]): Handler =>
  (request, response) =>
    json(200, { items: request.url?.startsWith('/v1/health') ? health : accounts })(
      request,
      response,
    );

describe('a walk', () => {
  test('goes to the end of the list and says when each page was asked for', async () => {
    const before = new Date();
    provider.answer(
      inTurn(
        json(200, { items: [item('a'), item('b')], next: '2' }),
        json(200, { items: [item('c')], next: null }),
      ),
    );
    const pages = await everyPage(providers.walk(full, {}));
    expect(idsOf(pages)).toEqual([['a', 'b'], ['c']]);
    expect(provider.requests.map((request) => request.url)).toEqual([
      '/v1/accounts?limit=100',
      '/v1/accounts?cursor=2&limit=100',
    ]);
    const [first, second] = pages;
    expect(first?.observedAt.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(second?.observedAt.getTime()).toBeGreaterThanOrEqual(
      first?.observedAt.getTime() ?? Number.NaN,
    );
    expect(first?.accounts[0]?.observedAt).toBe(first?.observedAt);
  });

  test('ends with an error when a cursor comes back, after all pages up to then', async () => {
    provider.answer(
      inTurn(
        json(200, { items: [item('a')], next: '2' }),
        json(200, { items: [item('b')], next: '2' }),
      ),
    );
    const seen: ObservedPage[] = [];
    const walk = async () => {
      for await (const page of providers.walk(full, {})) seen.push(page);
    };
    expect(await failureOf(walk())).toMatchObject({ code: 'invalid_answer' });
    expect(idsOf(seen)).toEqual([['a'], ['b']]);
    expect(provider.requests).toHaveLength(2);
  });

  test('keeps what it saw before a page failed', async () => {
    ({ providers } = engineFor(provider, { readAttempts: 1 }));
    provider.answer(inTurn(json(200, { items: [item('a')], next: '2' }), json(500, {})));
    const seen: ObservedPage[] = [];
    const walk = async () => {
      for await (const page of providers.walk(full, {})) seen.push(page);
    };
    expect(await failureOf(walk())).toMatchObject({ code: 'server_error' });
    expect(idsOf(seen)).toEqual([['a']]);
  });

  test('that is left early asks for no further page', async () => {
    provider.answer((request, response) => {
      const next = String(provider.requests.length);
      json(200, { items: [item(next)], next })(request, response);
    });
    for await (const page of providers.walk(full, {})) {
      if (page.accounts[0]?.account.providerAccountId === '3') break;
    }
    const asked = provider.requests.length;
    await systemClock.sleep(50);
    expect(asked).toBeLessThanOrEqual(4);
    expect(provider.requests.length).toBeLessThanOrEqual(4);
  });

  test('that is left early drops the page that is on its way', async () => {
    const dropped = new Promise<void>((resolve) => {
      provider.answer(
        inTurn(json(200, { items: [item('a')], next: '2' }), (_request, response) =>
          response.on('close', resolve),
        ),
      );
    });
    for await (const _page of providers.walk(full, {})) {
      await waitFor('the second request', () => provider.requests.length, {
        until: (count) => count === 2,
      });
      break;
    }
    await dropped;
  });

  test('waits for the next minute when the requests of this one are used up', async () => {
    const clock = manualClock(Date.now(), { skip: true });
    ({ providers } = engineFor(provider, {}, { clock }));
    provider.answer((request, response) => {
      const page = provider.requests.length;
      const reset = String(Math.ceil(clock.now().getTime() / 1000) + 60);
      const headers = {
        'x-ratelimit-limit': '2',
        'x-ratelimit-remaining': String(page % 2),
        'x-ratelimit-reset': reset,
      };
      json(
        200,
        { items: [item(String(page))], next: page < 5 ? String(page) : null },
        headers,
      )(request, response);
    });
    const start = clock.now().getTime();
    expect(idsOf(await everyPage(providers.walk(full, {})))).toEqual([
      ['1'],
      ['2'],
      ['3'],
      ['4'],
      ['5'],
    ]);
    expect(clock.now().getTime() - start).toBeGreaterThan(110_000);
  });
});

describe('an item that is no account', () => {
  test('is set aside with its id and the field, and the others land', async () => {
    const broken = { id: 'bad', platform: 7, username: 'do not show' };
    provider.answer(
      json(200, { items: [item('a'), broken, 'text', item('c', 'unmappable'), item('d')] }),
    );
    const [page] = await everyPage(providers.walk(full, {}));
    expect(idsOf(page === undefined ? [] : [page])).toEqual([['a', 'd']]);
    expect(page?.quarantined).toEqual([
      { id: 'bad', reason: expect.stringMatching(/^platform: .*expected string/) },
      { id: null, reason: 'item: not an object' },
      { id: 'c', reason: 'item: cannot be mapped (RangeError)' },
    ]);
    expect(JSON.stringify(page?.quarantined)).not.toMatch(/do not show|unmappable/);
  });
});

describe('health that is told apart', () => {
  test('is asked for once, beside the list, and joined to each account and its raw object', async () => {
    const health = { id: 'a', platform: 'instagram', health: 'healthy', accessToken: 'secret' };
    provider.answer(
      plainProvider(
        [item('a'), item('b')],
        [health, { ...health, platform: 'tiktok' }, 'not an item'],
      ),
    );
    const [page] = await everyPage(providers.walk(plain, {}));
    expect(page?.accounts.map((observation) => observation.account.verdict.status)).toEqual([
      'healthy',
      'unknown',
    ]);
    expect(page?.accounts[0]?.remoteData).toEqual({
      ...item('a'),
      health: 'healthy',
      accessToken: '[redacted]',
    });
    expect(provider.requests.map((request) => request.url).sort()).toEqual([
      '/v1/accounts?limit=100',
      '/v1/health',
    ]);
  });

  test('lies under what the list says', async () => {
    provider.answer(plainProvider([item('a')], [{ ...item('a', 'former'), health: 'healthy' }]));
    const [page] = await everyPage(providers.walk(plain, {}));
    expect(page?.accounts[0]?.account).toMatchObject({
      username: 'user-a',
      verdict: { status: 'healthy' },
    });
  });

  test('shows what the list lacks, on a page of its own, whole or not', async () => {
    provider.answer(
      plainProvider(
        [item('a')],
        [
          { ...item('b'), health: 'healthy' },
          { id: '', platform: 'instagram' },
          { health: 'healthy' },
        ],
      ),
    );
    const [listed, unlisted, ...others] = await everyPage(providers.walk(plain, {}));
    expect([listed?.source, unlisted?.source, others]).toEqual(['list', 'health', []]);
    expect(idsOf(unlisted === undefined ? [] : [unlisted])).toEqual([['b']]);
    expect(unlisted?.quarantined.map(({ id }) => id)).toEqual([null, null]);
  });

  test.each<[string, Handler]>([
    ['500', json(500, {})],
    ["a proxy's 404", json(404, {})],
    ['garbage', json(200, { items: 'none' })],
    ['an error in a 200', json(200, { items: [], error: 'late' })],
    ['a cut connection', (request) => request.socket.resetAndDestroy()],
  ])(
    'that fails (%s) leaves the list what it is, and says nothing of health',
    async (_name, fault) => {
      ({ providers } = engineFor(provider, { readAttempts: 1 }));
      provider.answer((request, response) =>
        (request.url?.startsWith('/v1/health') ? fault : json(200, { items: [item('a')] }))(
          request,
          response,
        ),
      );
      const [page, ...others] = await everyPage(providers.walk(plain, {}));
      expect(others).toEqual([]);
      expect(page?.healthFailure).toBeInstanceOf(ProviderError);
      expect(page?.accounts).toMatchObject([
        {
          coverage: 'list',
          account: { providerAccountId: 'a', status: null, verdict: { status: 'unknown' } },
        },
      ]);
    },
  );

  test('of two items about one account the better one counts, whichever comes first', async () => {
    const items = [
      { ...item('a'), health: 'healthy' },
      { ...item('a'), health: 'broken' },
    ];
    for (const health of [items, [...items].reverse()]) {
      provider.answer(plainProvider([item('a')], health));
      const [page] = await everyPage(providers.walk(plain, {}));
      expect(page?.accounts.map(({ account }) => account.verdict.status)).toEqual(['healthy']);
    }
  });

  test('makes the look as old as the health is', async () => {
    const clock = manualClock(0);
    ({ providers } = engineFor(provider, {}, { clock }));
    provider.answer((request, response) => {
      clock.advance(1_000);
      plainProvider([item('a')], [])(request, response);
    });
    const [page] = await everyPage(providers.walk(plain, {}));
    expect(page?.observedAt).toEqual(new Date(0));
  });
});

describe('a look at one account', () => {
  const account = { id: 'b' };

  test('reads it where the provider can', async () => {
    provider.answer(json(200, { ...item('b'), api_key: API_KEY, note: `uses ${API_KEY}` }));
    const observation = await providers.lookUp(full, account, {});
    expect(observation?.account.username).toBe('user-b');
    expect(observation?.remoteData).toEqual({
      ...item('b'),
      api_key: '[redacted]',
      note: 'uses [redacted]',
    });
  });

  test('finds it in the whole list otherwise, health joined', async () => {
    provider.answer(
      plainProvider(
        [item('a'), item('b')],
        [{ id: 'b', platform: 'instagram', health: 'healthy' }],
      ),
    );
    const observation = await providers.lookUp(plain, account, {});
    expect(observation?.account).toMatchObject({
      providerAccountId: 'b',
      verdict: { status: 'healthy' },
    });
    expect(provider.requests.map(({ url }) => url)).toContain('/v1/accounts?limit=100');
  });

  /** Answers for the account `b`, and for the list, by the page that is asked for. */
  const answers =
    (ofAccount: Handler, ...pages: readonly Handler[]): Handler =>
    (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', provider.baseUrl);
      const page = pages[Number(searchParams.get('cursor') ?? 0)] ?? json(500, {});
      (pathname.endsWith('/b') ? ofAccount : page)(request, response);
    };
  const elsewhere = { code: 'moved', message: 'Not here.' };

  test('is null after its documented 404, while it lists others', async () => {
    provider.answer(
      answers(json(404, NO_SUCH_ACCOUNT), json(200, { items: [item('a')], next: '1' })),
    );
    expect(await providers.lookUp(full, account, {})).toBeNull();
    expect(provider.requests).toHaveLength(2);
  });

  test.each<[string, Handler]>([
    ['fails', json(500, {})],
    ['is not there either', json(404, NO_SUCH_ACCOUNT)],
    ["is a proxy's page", (_request, response) => response.writeHead(404).end('<html>')],
  ])('is an error after a 404 when the list %s', async (_name, page) => {
    ({ providers } = engineFor(provider, { readAttempts: 1 }));
    provider.answer(answers(json(404, NO_SUCH_ACCOUNT), page));
    expect(await failureOf(providers.lookUp(full, account, {}))).toBeInstanceOf(ProviderError);
  });

  test('believes the list that shows what a 404 denies', async () => {
    provider.answer(answers(json(404, NO_SUCH_ACCOUNT), json(200, { items: [item('b')] })));
    expect((await providers.lookUp(full, account, {}))?.account.username).toBe('user-b');
  });

  test('needs no list after a delete that was done', async () => {
    provider.answer(answers(json(404, NO_SUCH_ACCOUNT), json(404, NO_SUCH_ACCOUNT)));
    expect(await providers.lookUp(full, { ...account, deleteAnswer: 'done' }, {})).toBeNull();
    const denied = { ...account, deleteAnswer: 'not_found' } as const;
    expect(await failureOf(providers.lookUp(full, denied, {}))).toBeInstanceOf(ProviderError);
  });

  test('needs the whole list after a 404 with another code, and twice where it has pages', async () => {
    const pages = [{ items: [item('a')], next: '1' }, { items: [item('c')] }];
    provider.answer(answers(json(410, elsewhere), ...pages.map((page) => json(200, page))));
    expect(await providers.lookUp(full, account, {})).toBeNull();
    expect(provider.requests).toHaveLength(5);

    provider.answer(
      answers(
        json(404, elsewhere),
        json(200, pages[0]),
        inTurn(json(200, pages[1]), json(200, { items: [item('b')] })),
      ),
    );
    expect((await providers.lookUp(full, account, {}))?.account.username).toBe('user-b');
  });

  test('is null when a complete list is without it, and so is the health report', async () => {
    provider.answer(plainProvider([item('a'), item('c')], []));
    expect(await providers.lookUp(plain, account, {})).toBeNull();
  });

  test.each(['b', 'B'])('finds %s in the health report that the list lacks', async (id) => {
    provider.answer(plainProvider([item('a')], [{ ...item(id), health: 'healthy' }]));
    expect((await providers.lookUp(plain, account, {}))?.account).toMatchObject({
      providerAccountId: 'b',
      verdict: { status: 'healthy' },
    });
  });

  test('proves nothing while the health report fails, unless the account was just deleted', async () => {
    ({ providers } = engineFor(provider, { readAttempts: 1 }));
    provider.answer((request, response) =>
      (request.url?.startsWith('/v1/health') ? json(500, {}) : json(200, { items: [] }))(
        request,
        response,
      ),
    );
    expect(await failureOf(providers.lookUp(plain, account, {}))).toMatchObject({
      code: 'server_error',
    });
    for (const deleteAnswer of ['done', 'not_found'] as const)
      expect(await providers.lookUp(plain, { ...account, deleteAnswer }, {})).toBeNull();
  });

  test('of copies that disagree finds the same one, whichever comes first', async () => {
    const copies = [item('b'), { ...item('b'), health: 'healthy' }];
    for (const items of [copies, [...copies].reverse()]) {
      provider.answer(plainProvider(items, []));
      expect((await providers.lookUp(plain, account, {}))?.account.verdict.status).toBe('healthy');
    }
  });

  test('beside a list that lacks it takes its documented 404 alone as proof', async () => {
    const ask = () => providers.lookUpUnlisted(full, account, {});
    provider.answer(json(404, NO_SUCH_ACCOUNT));
    expect(await ask()).toBe('gone');
    provider.answer(json(410, elsewhere));
    expect(await ask()).toBe('unproven');
    provider.answer(json(200, item('b')));
    expect(await ask()).toMatchObject({ account: { username: 'user-b' } });
    provider.answer(json(403, {}));
    expect(await failureOf(ask())).toMatchObject({ code: 'permission_denied' });
    expect(await providers.lookUpUnlisted(plain, account, {})).toBe('unproven');
  });

  test('is an error when the account may be the item that cannot be read', async () => {
    provider.answer(plainProvider([item('a'), {}], []));
    expect(await failureOf(providers.lookUp(plain, account, {}))).toMatchObject({
      code: 'invalid_answer',
    });
    provider.answer(json(200, { id: 'b' }));
    expect(await failureOf(providers.lookUp(full, account, {}))).toMatchObject({
      code: 'invalid_answer',
    });
  });

  test('is an error when the list cannot be completed', async () => {
    ({ providers } = engineFor(provider, { readAttempts: 1 }));
    provider.answer(
      inTurn(json(200, { items: [] }), json(200, { items: [item('a')], next: '2' }), json(500, {})),
    );
    expect(await failureOf(providers.lookUp(plain, account, {}))).toBeInstanceOf(ProviderError);
  });
});
