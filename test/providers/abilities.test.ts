import { z } from 'zod';
import { type AnyAdapter, defineAdapter, items } from '../../src/model/index.js';
import type {
  AttemptOutcome,
  Observation,
  ProviderConnection,
  ResponseFacts,
} from '../../src/providers/index.js';
import { afterEach, beforeEach, describe, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';
import {
  bareAdapter,
  bareDisconnect,
  bareItem,
  bareList,
  bareParts,
  detailAdapter,
} from '../support/small-adapters.js';
import {
  API_KEY,
  engineFor,
  failureOf,
  type Handler,
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

/** The engine with one adapter, and a connection to the small provider. */
function engine(adapter: AnyAdapter, clock = manualClock(Date.now(), { skip: true })) {
  const { providers } = engineFor(provider, { readAttempts: 1 }, { adapters: [adapter], clock });
  close.push(() => providers.close());
  const connection: ProviderConnection = {
    id: 'conn_1',
    provider: adapter.id,
    baseUrl: provider.baseUrl,
    credentials: { api_key: API_KEY },
  };
  return { providers, connection, clock };
}

describe('a provider of one bare key and one bare list', () => {
  test('gets its key as it is, and its array is the whole list', async () => {
    const { providers, connection } = engine(bareAdapter);
    provider.answer(json(200, [bareItem('a'), bareItem('b')]));
    const page = await providers.list(connection, { cursor: null }, {});
    expect(page.accounts.map(({ account }) => account.providerAccountId)).toEqual(['a', 'b']);
    expect(page.next).toBeNull();
    expect(provider.requests[0]?.headers.authorization).toBe(API_KEY);
    provider.answer(json(200, []));
    expect(await providers.lookUp(connection, { id: 'a' }, {})).toBeNull();
  });

  test('has its key verified by the list, where nothing else does', async () => {
    const { providers, connection } = engine(bareAdapter);
    provider.answer(json(401, { msg: 'Invalid API key' }));
    expect(await failureOf(providers.verify(connection, {}))).toMatchObject({
      code: 'credential_rejected',
    });
    provider.answer(json(200, []));
    await expect(providers.verify(connection, {})).resolves.toBeUndefined();
    expect(provider.requests).toHaveLength(2);
  });

  test('an item that cannot be read is named by its id, whatever that field is called', async () => {
    const adapter = { ...bareAdapter, account: { ...bareAdapter.account, map: unmappable } };
    const { providers, connection } = engine(adapter);
    provider.answer(json(200, [bareItem('a'), bareItem(17), bareItem(null), bareItem({})]));
    const page = await providers.list(connection, { cursor: null }, {});
    expect(page.quarantined.map(({ id }) => id)).toEqual(['a', '17', null, null]);
  });

  test('a broken item keeps nobody but its own account from being told gone', async () => {
    const { providers, connection } = engine(bareAdapter);
    provider.answer(json(200, [{ _id: 'b', network: 'a\0b' }, bareItem('c')]));
    expect(await providers.lookUp(connection, { id: 'a' }, {})).toBeNull();
    expect(await providers.lookUp(connection, { id: 'c' }, {})).not.toBeNull();
  });

  test('a delete that answers the row with its tokens is done, and nothing of it is kept', async () => {
    const outcomes: AttemptOutcome[] = [];
    const heard: ResponseFacts[] = [];
    const { providers, connection } = engine(bareAdapter);
    providers.onOutcome((outcome) => outcomes.push(outcome));
    const row = { ...bareItem('a'), token: 'EAABsecret', refreshToken: 'EAABsecret' };
    provider.answer(json(200, row));
    const context = { onAnswer: (facts: ResponseFacts) => void heard.push(facts) };
    const told = await providers.disconnect(connection, { id: 'a' }, context);
    expect(told).toBe('done');
    provider.answer(json(200, { ...row, _id: 'b' }));
    const other = await failureOf(providers.disconnect(connection, { id: 'a' }, context));
    provider.answer(json(200, { ...row, _id: 7 }));
    const broken = await failureOf(providers.disconnect(connection, { id: 'a' }, context));
    expect([other, broken]).toMatchObject([
      { code: 'invalid_answer', message: expect.stringContaining('a different account') },
      { code: 'invalid_answer' },
    ]);
    expect(JSON.stringify([outcomes, heard, told, other, broken])).not.toContain('EAABsecret');
    expect(`${other}${broken}`).not.toContain('EAABsecret');
  });

  test('an hour has so many requests, a few of them at once', async () => {
    const adapter = {
      ...bareAdapter,
      limits: { ...bareAdapter.limits, requests: 30, perSeconds: 3_600 },
    };
    const { providers, connection, clock } = engine(adapter);
    provider.answer(json(200, []));
    for (let call = 0; call < 3; call += 1) await providers.list(connection, { cursor: null }, {});
    expect(await failureOf(providers.list(connection, { cursor: null }, {}))).toMatchObject({
      code: 'rate_limited',
      status: null,
      retryAfterSeconds: 134,
    });
    // A walk is not in a hurry.
    for await (const { accounts } of providers.walk(connection, {})) expect(accounts).toEqual([]);
    expect(clock.sleeps).toEqual([134_000]);
    expect(provider.requests).toHaveLength(4);
  });
});

describe('errors under a success status', () => {
  const graph = defineAdapter({
    ...bareParts,
    id: 'graph',
    auth: { scheme: 'bearer' },
    errorBody: {
      schema: z.object({
        errors: z
          .array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }) }))
          .min(1),
      }),
      read: ({ errors: [error] }) => ({
        code: error?.extensions.code ?? null,
        message: error?.message ?? null,
      }),
      codes: { UNAUTHENTICATED: 'credential_rejected', GONE: 'not_found', LATE: 'unavailable' },
      comesWithSuccess: true,
    },
    operations: {
      list: {
        ...bareList,
        response: z.object({ data: items(z.unknown()) }),
        map: ({ data }) => ({ items: data, next: undefined }),
      },
      disconnect: bareDisconnect,
    },
  });
  const answer = (code: string) =>
    json(200, { data: null, errors: [{ message: 'No.', extensions: { code } }] });

  test.each([
    ['UNAUTHENTICATED', 'credential_rejected', 'error'],
    ['LATE', 'unavailable', 'error'],
    ['GONE', 'refused', 'error'],
    ['NEW_CODE', 'invalid_answer', 'error'],
  ])('%s to a list is %s, where the provider documents them', async (word, code, shape) => {
    const { providers, connection } = engine(graph);
    const heard: ResponseFacts[] = [];
    provider.answer(answer(word));
    const context = { onAnswer: (facts: ResponseFacts) => void heard.push(facts) };
    expect(await failureOf(providers.list(connection, { cursor: null }, context))).toMatchObject({
      code,
      status: 200,
      providerCode: word,
    });
    expect(heard).toMatchObject([{ shape }]);
  });

  test('its own word for an account that it does not hold counts for a delete', async () => {
    const { providers, connection } = engine(graph);
    provider.answer(answer('GONE'));
    expect(await providers.disconnect(connection, { id: 'a' }, {})).toBe('already_gone');
  });

  test('prove nothing elsewhere', async () => {
    const { comesWithSuccess: _, ...errorBody } = graph.errorBody;
    const { providers, connection } = engine({ ...graph, errorBody });
    provider.answer(answer('GONE'));
    expect(await failureOf(providers.disconnect(connection, { id: 'a' }, {}))).toMatchObject({
      code: 'invalid_answer',
      outcomeUnknown: true,
    });
  });
});

test('an error may be told in the headers', async () => {
  const adapter = defineAdapter({
    ...bareParts,
    errorBody: {
      ...bareParts.errorBody,
      read: ({ msg }, headers) => ({ code: String(headers['x-error-code']), message: msg }),
      codes: { over_quota: 'quota_exceeded' },
    },
    operations: { list: bareList, disconnect: bareDisconnect },
  });
  const { providers, connection } = engine(adapter);
  provider.answer(json(403, { msg: 'No.' }, { 'X-Error-Code': 'over_quota' }));
  expect(await failureOf(providers.list(connection, { cursor: null }, {}))).toMatchObject({
    code: 'quota_exceeded',
    providerCode: 'over_quota',
  });
});

describe('rate-limit headers of another name', () => {
  const named = (reset?: string): AnyAdapter => ({
    ...bareAdapter,
    rateLimitHeaders: { remaining: 'X-Calls-Left', ...(reset !== undefined && { reset }) },
  });

  test.each([
    ['seconds left', () => '20'],
    ['a Unix time', (now: number) => String(Math.ceil(now / 1_000) + 20)],
    ['a Unix time in milliseconds', (now: number) => String(now + 20_000)],
  ])('are heeded, with a reset as %s', async (_name, resetAt) => {
    const { providers, connection, clock } = engine(
      named('X-Calls-Reset'),
      manualClock(1_790_000_000_000, { skip: true }),
    );
    const reset = resetAt(clock.now().getTime());
    provider.answer(json(200, [], { 'x-calls-left': '0', 'x-calls-reset': reset }));
    await providers.list(connection, { cursor: null }, {});
    await providers.list(connection, { cursor: null }, {});
    expect(clock.sleeps).toEqual([20_000]);
  });

  test('without a reset the declared window is one', async () => {
    const { providers, connection } = engine({
      ...named(),
      limits: { ...bareAdapter.limits, requests: 9, perSeconds: 900 },
    });
    provider.answer(json(200, [], { 'x-calls-left': '0' }));
    await providers.list(connection, { cursor: null }, {});
    expect(await failureOf(providers.list(connection, { cursor: null }, {}))).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 900,
    });
  });
});

describe('what is told of one account alone', () => {
  /** Lists `count` accounts; `broken` fails, and all others lack a permission. */
  const answering = (count: number, broken?: string): Handler => {
    const items = Array.from({ length: count }, (_none, index) => bareItem(`a${index}`));
    return (request, response) => {
      const id = request.url?.split('/integrations/')[1];
      if (id === undefined) json(200, items)(request, response);
      else if (id === broken) json(500, { msg: 'Oh.' })(request, response);
      else json(200, { missing: ['publish'] })(request, response);
    };
  };
  const observe = async ({ providers, connection }: ReturnType<typeof engine>) => {
    const seen: Observation[] = [];
    for await (const { accounts } of providers.walk(connection, {})) seen.push(...accounts);
    return seen;
  };
  const askedAlone = () => provider.requests.filter(({ url }) => url.split('/').length > 3);

  test('is laid under the item, and where it fails the account is told in part', async () => {
    provider.answer(answering(3, 'a1'));
    const seen = await observe(engine(detailAdapter));
    expect(seen).toMatchObject([
      { coverage: 'whole', account: { verdict: { reason: 'permission_missing' } } },
      { coverage: 'part', account: { status: null, verdict: { status: 'healthy' } } },
      { coverage: 'whole', account: { permissions: ['publish'] } },
    ]);
    expect(seen[0]?.remoteData).toMatchObject({ _id: 'a0', missing: ['publish'] });
  });

  test('is asked for no item that decides by itself', async () => {
    provider.answer(json(200, [{ ...bareItem('a'), dead: true }]));
    expect(await observe(engine(detailAdapter))).toMatchObject([{ coverage: 'whole' }]);
    expect(provider.requests).toHaveLength(1);
  });

  test('is rationed, so that every account has its turn in some sweep', async () => {
    const slow = { ...detailAdapter, limits: { ...detailAdapter.limits, requests: 100 } };
    const own = engine(slow);
    provider.answer(answering(60));
    const whole = new Set<string>();
    for (let sweep = 0; sweep < 40; sweep += 1) {
      const before = askedAlone().length;
      const seen = await observe(own);
      expect(askedAlone().length - before).toBeLessThanOrEqual(20);
      for (const { account, coverage } of seen)
        if (coverage === 'whole') whole.add(account.providerAccountId);
      own.clock.advance(60_000);
    }
    expect(whole.size).toBe(60);
  });

  test('is asked for by a look at one account for that one alone, where it is wanted', async () => {
    const { providers, connection } = engine(detailAdapter);
    provider.answer(answering(3));
    await providers.lookUp(connection, { id: 'a1' }, {});
    expect(askedAlone()).toEqual([]);
    const found = await providers.lookUp(connection, { id: 'a1', withDetail: true }, {});
    expect(found?.account.permissions).toEqual(['publish']);
    expect(askedAlone().map(({ url }) => url)).toEqual(['/v1/integrations/a1']);
  });
});

function unmappable(): never {
  throw new RangeError('cannot be mapped');
}
