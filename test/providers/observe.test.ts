import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.js';
import { ProviderError } from '../../src/model/index.js';
import type { ObservedPage, ProviderConnection, Providers } from '../../src/providers/index.js';
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
  test('is asked for once, before the list, and joined to each account and its raw object', async () => {
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
    expect(provider.requests.map((request) => request.url)).toEqual([
      '/v1/health',
      '/v1/accounts?limit=100',
    ]);
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
  const account = { id: 'b', platform: 'instagram' };

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

  test('finds it in the list of its platform otherwise, health joined', async () => {
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
    expect(provider.requests[1]?.url).toBe('/v1/accounts?limit=100&platform=instagram');
  });

  test('is null when the provider says 404, or a complete list is without it', async () => {
    provider.answer(json(404, NO_SUCH_ACCOUNT));
    expect(await providers.lookUp(full, account, {})).toBeNull();
    provider.answer(plainProvider([item('a'), { id: 'other', platform: 'instagram' }], []));
    expect(await providers.lookUp(plain, account, {})).toBeNull();
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

describe('writes', () => {
  test('a pause of what is paused is done', async () => {
    provider.answer(json(400, { code: 'already_paused', message: 'Paused.' }));
    await expect(providers.pause(full, { id: 'a' }, {})).resolves.toBeUndefined();
  });

  test('a disconnect of what is gone is done', async () => {
    provider.answer(
      inTurn(json(200, { deleted: true }), json(404, NO_SUCH_ACCOUNT), json(403, {})),
    );
    expect(await providers.disconnect(full, { id: 'a' }, {})).toBe('done');
    expect(await providers.disconnect(full, { id: 'a' }, {})).toBe('already_gone');
    expect(await failureOf(providers.disconnect(full, { id: 'a' }, {}))).toMatchObject({
      code: 'permission_denied',
    });
  });
});
