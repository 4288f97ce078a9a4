import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { z } from 'zod';
import {
  type AnyAdapter,
  type AuthPart,
  type Credentials,
  defineAdapter,
  follow,
  items,
  nextLink,
  nextNumber,
  nextOffset,
  offset,
  type ProviderRequest,
  pageNumber,
  parameter,
  path,
  secret,
  secretOf,
} from '../../src/model/index.js';
import { type ProviderConnection, secretsOf } from '../../src/providers/index.js';
import { afterEach, beforeEach, describe, expect, test } from '../support/jest.js';
import { bareDisconnect, bareItem, bareParts } from '../support/small-adapters.js';
import {
  engineFor,
  failureOf,
  json,
  type SmallProvider,
  startSmallProvider,
} from './small-provider.js';

let provider: SmallProvider;
let close: (() => Promise<void>)[];

beforeEach(async () => {
  provider = await startSmallProvider();
  close = [provider.close];
});

afterEach(async () => {
  for (const end of close.reverse()) await end();
});

const CREDENTIALS = {
  api_key: 'live_key_0123456789',
  client_id: 'client-1',
  client_secret: 'secret_0123456789abcdef',
  organisation: 'org 7/8',
} as const satisfies Credentials;

const page = z.object({
  data: items(z.unknown()),
  next: z.string().nullish(),
  total: z.int().optional(),
});
type Page = z.output<typeof page>;

/** An adapter whose list is as the test says. */
function adapterWith({
  auth = { scheme: 'bearer' },
  list,
}: {
  readonly auth?: AuthPart | readonly AuthPart[];
  readonly list: AnyAdapter['operations']['list'];
}): AnyAdapter {
  return {
    ...defineAdapter({
      ...bareParts,
      operations: { list: listOf({}), disconnect: bareDisconnect },
    }),
    auth,
    credentials: z.strictObject({
      api_key: secret(),
      client_id: parameter(),
      client_secret: secret(),
      organisation: parameter().optional(),
    }),
    operations: { list },
  };
}

/** A list that is asked for by this request. */
function listOf(request: Partial<ProviderRequest>): AnyAdapter['operations']['list'] {
  return {
    request: () => ({ method: 'GET', path: path`/accounts`, ...request }),
    response: page,
    map: (wire) => ({ items: (wire as Page).data, next: undefined }),
  };
}

function engine(adapter: AnyAdapter, credentials: Credentials = CREDENTIALS) {
  const { providers } = engineFor(provider, { readAttempts: 1 }, { adapters: [adapter] });
  close.push(() => providers.close());
  const connection: ProviderConnection = {
    id: 'conn_1',
    provider: adapter.id,
    baseUrl: provider.baseUrl,
    credentials,
  };
  return { providers, connection };
}

async function ask(adapter: AnyAdapter) {
  const { providers, connection } = engine(adapter);
  provider.answer(json(200, { data: [] }));
  await providers.list(connection, { cursor: null }, {});
  return provider.requests.at(-1);
}

describe('who asks is proven by', () => {
  const { api_key, client_id, client_secret } = CREDENTIALS;
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  test.each<[string, AuthPart | readonly AuthPart[], Record<string, unknown>, string]>([
    ['a bearer', { scheme: 'bearer' }, { authorization: `Bearer ${api_key}` }, ''],
    [
      'a bearer of another name',
      { scheme: 'bearer', credential: 'client_secret' },
      { authorization: `Bearer ${client_secret}` },
      '',
    ],
    ['a bare header', { scheme: 'header', header: 'X-Key' }, { 'x-key': api_key }, ''],
    [
      'several headers',
      [
        { scheme: 'header', header: 'X-Client', credential: 'client_id' },
        { scheme: 'header', header: 'X-Secret', credential: 'client_secret' },
      ],
      { 'x-client': client_id, 'x-secret': client_secret },
      '',
    ],
    ['the query', { scheme: 'query', parameter: 'key' }, {}, `?key=${api_key}`],
    [
      'Basic',
      { scheme: 'basic', user: 'client_id', password: 'client_secret' },
      { authorization: `Basic ${base64(`${client_id}:${client_secret}`)}` },
      '',
    ],
    [
      'Basic with a user alone',
      { scheme: 'basic', user: 'api_key' },
      { authorization: `Basic ${base64(`${api_key}:`)}` },
      '',
    ],
  ])('%s', async (_name, auth, headers, query) => {
    const sent = await ask(adapterWith({ auth, list: listOf({}) }));
    expect(sent?.headers).toMatchObject(headers);
    expect(sent?.url).toBe(`/v1/accounts${query}`);
  });

  test('a signature over the whole request, beside a bearer', async () => {
    const sign: AuthPart = {
      scheme: 'signed',
      sign: ({ method, path: signed, query, body }, credentials, { now, hmac }) => ({
        headers: {
          'X-Signature': hmac(
            'sha256',
            credentials.client_secret ?? '',
            [method, signed, query, body, now.toISOString()].join('\n'),
          ),
          'X-Time': now.toISOString(),
        },
        query: { proof: hmac('sha256', credentials.client_secret ?? '', api_key) },
      }),
    };
    const list = listOf({ method: 'POST', query: { limit: 5 }, body: { a: 1 } });
    const sent = await ask(adapterWith({ auth: [{ scheme: 'bearer' }, sign], list }));
    const own = (text: string) => createHmac('sha256', client_secret).update(text).digest('hex');
    const { 'x-time': time, 'x-signature': signature } = sent?.headers ?? {};
    expect(signature).toBe(own(`POST\n/v1/accounts\nlimit=5\n{"a":1}\n${time}`));
    expect(sent?.url).toBe(`/v1/accounts?limit=5&proof=${own(api_key)}`);
    expect(sent?.headers.authorization).toBe(`Bearer ${api_key}`);
  });
});

describe('a request may hold', () => {
  test('public parameters, and no secret by that way', async () => {
    const list = {
      ...listOf({}),
      request: (_page: unknown, read: (name: string) => string) => ({
        method: 'GET' as const,
        path: path`/organisations/${read('organisation')}/accounts`,
        query: { none: read('absent'), secret: read('client_secret') },
      }),
    };
    expect((await ask(adapterWith({ list })))?.url).toBe(
      '/v1/organisations/org%207%2F8/accounts?none=&secret=',
    );
  });

  test('secrets by reference, in query, headers, JSON and forms', async () => {
    const [key, word] = [secretOf('api_key'), secretOf('client_secret')];
    const sent = await ask(
      adapterWith({
        list: listOf({
          method: 'POST',
          query: { key },
          headers: { 'X-Word': word },
          body: { deep: [{ word }], plain: { $secret: 'api_key' } },
        }),
      }),
    );
    expect(sent?.url).toBe(`/v1/accounts?key=${CREDENTIALS.api_key}`);
    expect(sent?.headers['x-word']).toBe(CREDENTIALS.client_secret);
    // What looks like a reference and came from a caller is none.
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      deep: [{ word: CREDENTIALS.client_secret }],
      plain: { $secret: 'api_key' },
    });
  });

  test('a form, and keys that are repeated', async () => {
    const form = {
      grant: 'a b&c',
      scope: ['read', 'write'],
      none: undefined,
      word: secretOf('api_key'),
    };
    const query = { id: ['1', '2/3', 4], none: undefined, empty: [] };
    const sent = await ask(adapterWith({ list: listOf({ method: 'POST', query, form }) }));
    expect(sent?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(sent?.body).toBe(`grant=a+b%26c&scope=read&scope=write&word=${CREDENTIALS.api_key}`);
    expect(sent?.url).toBe('/v1/accounts?id=1&id=2%2F3&id=4');
  });
});

test('every secret of a connection is struck out of what it is shown, alone and as Basic', async () => {
  const basic: AuthPart = { scheme: 'basic', user: 'client_id', password: 'client_secret' };
  const adapter = adapterWith({ auth: basic, list: listOf({}) });
  const { providers, connection } = engine(adapter);
  const { api_key, client_id, client_secret } = CREDENTIALS;
  const echoed = [
    api_key,
    client_secret,
    Buffer.from(`${client_id}:${client_secret}`).toString('base64'),
    encodeURIComponent(`${client_id}:${client_secret}`),
  ];
  provider.answer(json(200, { data: [{ ...bareItem('a'), note: echoed, of: client_id }] }));
  const { accounts } = await providers.list(connection, { cursor: null }, {});
  const shown = JSON.stringify(accounts);
  for (const text of echoed) expect(shown).not.toContain(text);
  expect(shown).toContain(client_id);
  provider.answer(json(403, { msg: `No: ${echoed.join(' ')}` }));
  const error = await failureOf(providers.list(connection, { cursor: null }, {}));
  for (const text of echoed) expect(JSON.stringify(error)).not.toContain(text);
  // What an adapter no longer declares and a row still holds.
  expect(secretsOf(adapter, { credentials: { former: 'x' } })).toContain('x');
});

describe('a list goes on', () => {
  const DATA = Array.from({ length: 7 }, (_none, index) => bareItem(`a${index}`));

  async function walked(
    list: AnyAdapter['operations']['list'],
    answer: (url: URL) => unknown,
    headers = (_url: URL) => ({}),
  ) {
    const adapter = { ...adapterWith({ list }), limits: { ...bareParts.limits, pageSize: 3 } };
    const { providers, connection } = engine(adapter);
    provider.answer((request, response) => {
      const url = new URL(request.url ?? '', provider.baseUrl);
      json(200, answer(url), headers(url))(request, response);
    });
    const seen: string[] = [];
    for await (const { accounts } of providers.walk(connection, {}))
      seen.push(...accounts.map(({ account }) => account.providerAccountId));
    return seen;
  }
  const numberIn = (url: URL, name: string) => Number(url.searchParams.get(name));
  const ALL = DATA.map(({ _id }) => _id);

  test('by the number of its pages', async () => {
    const list = {
      ...listOf({}),
      request: (input: { cursor: string | undefined; limit: number }) => ({
        method: 'GET' as const,
        path: path`/accounts`,
        query: { page: pageNumber(input), limit: input.limit },
      }),
      map: (wire: unknown, input: { cursor: string | undefined; limit: number }) => ({
        items: (wire as Page).data,
        next: nextNumber(input, (wire as Page).data.length === input.limit),
      }),
    };
    const seen = await walked(list, (url) => {
      const from = (numberIn(url, 'page') - 1) * 3;
      return { data: DATA.slice(from, from + 3) };
    });
    expect(seen).toEqual(ALL);
  });

  test.each([[true], [false]])('by offset, with a total: %p', async (isTotalTold) => {
    const list = {
      ...listOf({}),
      request: (input: { cursor: string | undefined; limit: number }) => ({
        method: 'GET' as const,
        path: path`/accounts`,
        query: { skip: offset(input), take: input.limit },
      }),
      map: (wire: unknown, input: { cursor: string | undefined; limit: number }) => ({
        items: (wire as Page).data,
        next: nextOffset(input, (wire as Page).data.length, (wire as Page).total),
      }),
    };
    const seen = await walked(list, (url) => ({
      data: DATA.slice(numberIn(url, 'skip'), numberIn(url, 'skip') + 3),
      ...(isTotalTold && { total: DATA.length }),
    }));
    expect(seen).toEqual(ALL);
  });

  const following: AnyAdapter['operations']['list'] = {
    ...listOf({}),
    request: ({ cursor }) =>
      cursor === undefined ? { method: 'GET', path: path`/accounts` } : follow(cursor),
    map: (wire, _input, headers) => ({
      items: (wire as Page).data,
      next: (wire as Page).next ?? nextLink(headers),
    }),
  };
  const pageOf = (url: URL) => DATA.slice(numberIn(url, 'from'), numberIn(url, 'from') + 3);
  const addressAfter = (url: URL, base: string) => {
    const from = numberIn(url, 'from') + 3;
    return from < DATA.length ? `${base}/accounts?from=${from}` : null;
  };

  test('at the address that it gives, whole or relative', async () => {
    for (const base of [provider.baseUrl, '', '/v1'].map((start) => start.replace(/^$/, '.'))) {
      const seen = await walked(following, (url) => ({
        data: pageOf(url),
        next: addressAfter(url, base),
      }));
      expect(seen).toEqual(ALL);
    }
  });

  test('at the address in a Link header', async () => {
    const seen = await walked(
      following,
      (url) => ({ data: pageOf(url) }),
      (url) => {
        const next = addressAfter(url, provider.baseUrl);
        return next === null
          ? {}
          : { link: `<https://first.example>; rel=first, <${next}>; rel="next"` };
      },
    );
    expect(seen).toEqual(ALL);
  });

  test('with the key of the connection in place of one in the address', async () => {
    const auth: AuthPart = { scheme: 'query', parameter: 'key' };
    const { providers, connection } = engine({ ...adapterWith({ auth, list: following }) });
    provider.answer((request, response) => {
      const isFirst = !request.url?.includes('from');
      const next = isFirst ? `${provider.baseUrl}/accounts?key=another&from=3` : null;
      json(200, { data: [], next })(request, response);
    });
    for await (const _page of providers.walk(connection, {}));
    const keys = provider.requests.map(({ url }) =>
      new URL(url, 'http://x').searchParams.getAll('key'),
    );
    expect(keys).toEqual([[CREDENTIALS.api_key], [CREDENTIALS.api_key]]);
  });

  test.each([
    ['another host', 'https://evil.example/v1/accounts'],
    ['another port', 'http://127.0.0.1:1/v1/accounts'],
    ['a host in the user name', 'http://127.0.0.1@evil.example/v1/accounts'],
    ['another scheme', 'file:///v1/accounts'],
    ['no scheme', '//evil.example/v1/accounts'],
    ['outside the base path', '/v2/accounts'],
    ['outside by dots', '../v2/accounts'],
    ['outside by encoded dots', '%2e%2e/v2/accounts'],
    ['no address', 'http://'],
  ])('never at %s: nothing is sent there', async (_name, next) => {
    const { providers, connection } = engine(adapterWith({ list: following }));
    provider.answer(json(200, { data: [], next }));
    const walk = async () => {
      for await (const _page of providers.walk(connection, {}));
    };
    expect(await failureOf(walk())).toMatchObject({ code: 'invalid_answer' });
    expect(provider.requests).toHaveLength(1);
  });
});

test('a Link header is read whatever else it holds', () => {
  const address = fc.webUrl({ withQueryParameters: true });
  const other = fc.tuple(address, fc.constantFrom('prev', 'first', 'nextish', 'alternate'));
  fc.assert(
    fc.property(address, fc.array(other), fc.array(other), (next, before, after) => {
      const link = (links: [string, string][]) => links.map(([to, rel]) => `<${to}>; rel="${rel}"`);
      const parts = [...link(before), `<${next}>; title="a, b"; rel="last next"`, ...link(after)];
      expect(nextLink({ link: parts.join(', ') })).toBe(next);
      expect(nextLink({ link: [...link(before), ...link(after)].join(', ') })).toBeUndefined();
    }),
  );
  expect(nextLink({})).toBeUndefined();
  expect(nextLink({ link: '</a>; rel=next' })).toBe('/a');
});
