import fc from 'fast-check';
import { ProviderError } from '../../src/model/index.js';
import { errorMember, saysThereIsMore } from '../../src/providers/answer-body.js';
import type { ProviderConnection, Providers, ResponseFacts } from '../../src/providers/index.js';
import { afterEach, beforeEach, describe, expect, test } from '../support/jest.js';
import {
  engineFor,
  failureOf,
  type Handler,
  item,
  json,
  NO_SUCH_ACCOUNT,
  type SmallProvider,
  startSmallProvider,
} from './small-provider.js';

let provider: SmallProvider;
let providers: Providers;
let full: ProviderConnection;
let heard: ResponseFacts[];

beforeEach(async () => {
  provider = await startSmallProvider();
  ({ providers, full } = engineFor(provider, { readAttempts: 1, bodyTimeoutMs: 300 }));
  heard = [];
});

afterEach(async () => {
  await providers.close();
  await provider.close();
});

const context = { onAnswer: (facts: ResponseFacts) => void heard.push(facts) };
const list = () => providers.list(full, { cursor: null }, context);
const create = () =>
  providers.create(full, { platform: 'instagram', username: 'a', settings: {} }, context);
const pause = () => providers.pause(full, { id: 'a' }, context);
const disconnect = () => providers.disconnect(full, { id: 'a' }, context);

const raw =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);
const cutOff: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"items": [', () => response.destroy());
};
const page = { items: [item('a')] };
const JSON_TYPE = { 'content-type': 'application/json' };
const DEEP = `{"items":[],"error":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;

describe('a list is none', () => {
  test.each<[string, Handler, ResponseFacts['shape']]>([
    ['under 203', json(203, page), 'unreadable'],
    ['under 206', json(206, page), 'unreadable'],
    ['under 207', json(207, page), 'unreadable'],
    ['under 304', raw(304, ''), 'unreadable'],
    ['without a body', raw(204, ''), 'unreadable'],
    ['with an error nested beyond any sense', raw(200, DEEP, JSON_TYPE), 'unreadable'],
    ['with an empty body', raw(200, ''), 'unreadable'],
    ['that is null', raw(200, 'null', { 'content-type': 'application/json' }), 'unreadable'],
    [
      'that is declared as text',
      raw(200, '{"items":[]}', { 'content-type': 'text/plain' }),
      'unreadable',
    ],
    ['that is a web page', raw(200, '<p>', { 'content-type': 'text/html' }), 'unreadable'],
    ['that is cut off', cutOff, 'unreadable'],
    ['of another shape', json(200, { accounts: [] }), 'unreadable'],
    ['beside an error', json(200, { ...page, error: 'upstream timed out' }), 'error'],
    ['beside errors', json(200, { ...page, errors: [{ message: 'shard 2' }] }), 'error'],
    ['that is no success', json(200, { ...page, success: false }), 'error'],
    ['that is not ok', json(200, { ...page, ok: false }), 'error'],
    ['whose status is an error', json(200, { ...page, status: 'error' }), 'error'],
    ['whose status is 502', json(200, { ...page, status: 502 }), 'error'],
    [
      "in the provider's own error",
      json(200, { ...page, code: 'broken', message: 'Oh.' }),
      'error',
    ],
    ['with more to come', json(200, { ...page, has_more: true }), 'unreadable'],
    ['of which a part is left out', json(200, { ...page, partial: true }), 'unreadable'],
    [
      'with a link to the next page',
      json(200, page, { link: '</v1/accounts?cursor=2>; rel="next"' }),
      'unreadable',
    ],
  ])('%s', async (_name, handler, shape) => {
    provider.answer(handler);
    expect(await failureOf(list())).toMatchObject({ code: 'invalid_answer', outcomeUnknown: true });
    expect(heard).toEqual([
      expect.objectContaining({ operation: 'list', shape, status: expect.any(Number) }),
    ]);
  });

  test('and what its error said is told', async () => {
    provider.answer(
      json(200, { items: [], error: true, code: 'upstream_timeout', message: 'Late.' }),
    );
    expect(await failureOf(list())).toMatchObject({
      message: 'Full answered with status 200 and an error in the body (error).',
      providerCode: 'upstream_timeout',
      providerMessage: 'Late.',
    });
  });
});

describe('a list is one', () => {
  test.each([
    ['whole', page, 'list_complete'],
    ['with a page after it', { ...page, next: '2' }, 'list_page'],
    [
      'that says that there was no error',
      { ...page, error: null, errors: [], success: true, ok: true },
      'list_complete',
    ],
    [
      'with a status of its own',
      { ...page, status: 'success', code: 'OK', message: '' },
      'list_complete',
    ],
    [
      'whose items tell of errors',
      { items: [{ ...item('a'), error: 'token expired', status: 'error', success: false }] },
      'list_complete',
    ],
    [
      'that says that there is no more',
      { ...page, has_more: false, next_cursor: 'left over' },
      'list_complete',
    ],
  ] as const)('%s', async (_name, body, shape) => {
    provider.answer(json(200, body));
    expect((await list()).accounts).toHaveLength(1);
    expect(heard.map((facts) => facts.shape)).toEqual([shape]);
  });
});

describe('an answer about another account', () => {
  test.each<[string, Handler, () => Promise<unknown>]>([
    [
      'than was asked for',
      json(200, item('b')),
      () => providers.lookUp(full, { id: 'a' }, context),
    ],
    [
      'on another network than was to be made',
      json(201, { ...item('b'), platform: 'tiktok' }),
      create,
    ],
    ['under another name than was to be made', json(201, item('b', 'another')), create],
    ['than was to be paused', json(200, { account: 'b' }), pause],
  ])('%s is no answer', async (_name, handler, call) => {
    provider.answer(handler);
    expect(await failureOf(call())).toMatchObject({
      code: 'invalid_answer',
      message: 'Full answered with a different account than the requested one.',
    });
    expect(heard.map((facts) => facts.shape)).toEqual(['other_account']);
  });

  test('is not one that names the same, or none', async () => {
    provider.answer(json(200, { account: 'a' }));
    await pause();
    provider.answer(raw(204, ''));
    await pause();
    provider.answer(json(201, item('b', 'A')));
    expect((await create()).account.providerAccountId).toBe('b');
    expect(heard.map((facts) => facts.shape)).toEqual(['success', 'success', 'account']);
  });
});

describe("a 404 or 410 is the provider's own", () => {
  const FOREIGN: readonly (readonly [string, Handler])[] = [
    ["a proxy's page", raw(404, '<html>', { 'content-type': 'text/html' })],
    ["a gateway's", json(404, { message: 'no Route matched with those values' })],
    ['an empty one', raw(404, '')],
    ['null', json(404, null)],
    ['a text', raw(410, '410 gone', { 'content-type': 'text/plain' })],
  ];
  test.each(FOREIGN)('but not %s', async (_name, handler) => {
    provider.answer(handler);
    expect(await failureOf(disconnect())).toMatchObject({ code: 'invalid_answer' });
    expect(heard[0]).toMatchObject({ operation: 'disconnect', shape: 'unreadable' });
  });

  test.each([404, 410])('%i in its own words', async (status) => {
    provider.answer(json(status, NO_SUCH_ACCOUNT));
    expect(await failureOf(pause())).toMatchObject({ code: 'not_found', status });
    expect(heard).toMatchObject([{ operation: 'pause', shape: 'not_found', status }]);
  });

  test.each([200, 400, 422, 500])('but not its words under %i', async (status) => {
    provider.answer(json(status, NO_SUCH_ACCOUNT));
    expect(await failureOf(pause())).not.toMatchObject({ code: 'not_found' });
    expect(heard).toMatchObject([{ shape: 'error', status }]);
  });

  test('where something new is asked for it says nothing of an account', async () => {
    provider.answer(json(404, NO_SUCH_ACCOUNT));
    expect(await failureOf(create())).toMatchObject({ code: 'refused', status: 404 });
  });
});

describe('a refusal', () => {
  test.each([
    [400, 'invalid_answer'],
    [401, 'invalid_answer'],
    [403, 'invalid_answer'],
    [405, 'invalid_answer'],
    [429, 'rate_limited'],
    [502, 'server_error'],
    [503, 'unavailable'],
  ])('of a proxy, %i, is none of the provider (%s)', async (status, code) => {
    provider.answer(raw(status, '<html>', { 'content-type': 'text/html' }));
    expect(await failureOf(pause())).toMatchObject({ code, status });
  });

  test('that is cut off is none', async () => {
    provider.answer((_request, response) => {
      response.writeHead(422, { 'content-length': '1000' });
      response.write('{', () => response.destroy());
    });
    const error = await failureOf(pause());
    expect(error).toBeInstanceOf(ProviderError);
    expect(error).toMatchObject({ code: 'invalid_answer', status: 422 });
    expect(heard).toMatchObject([{ status: 422, shape: 'unreadable' }]);
  });

  test('with a code that belongs to no failure does not make a 5xx less than one', async () => {
    provider.answer(json(500, { code: 'plan_full', message: 'Full.' }));
    expect(await failureOf(pause())).toMatchObject({ code: 'server_error' });
    provider.answer(json(503, { code: 'broken', message: 'Oh.' }));
    expect(await failureOf(pause())).toMatchObject({ code: 'server_error' });
  });
});

test('only members of the document itself tell of an error, whatever else it holds', () => {
  const harmless = fc.dictionary(
    fc.constantFrom('data', 'items', 'accounts', 'pagination', 'filters', 'account', 'note'),
    fc.jsonValue(),
  );
  const none = fc.constantFrom(
    undefined,
    null,
    false,
    '',
    0,
    [],
    {},
    { code: null },
    { code: 'ok' },
  );
  const some = fc.constantFrom(true, 'Late.', 1, ['x'], [{ message: 'x' }], { message: 'x' });
  const name = fc.constantFrom('error', 'errors', 'error_code', 'errorMessage', 'fault', 'failed');
  fc.assert(
    fc.property(harmless, name, none, some, (document, member, nothing, something) => {
      expect(errorMember({ ...document, [member]: nothing }, false)).toBeUndefined();
      expect(errorMember({ ...document, [member]: something }, false)).toBe(member);
    }),
  );
  expect(errorMember([{ error: 'x' }], false)).toBeUndefined();
});

test.each([
  [{ accounts: [], error_description: 'shard' }, 'error_description'],
  [{ accounts: [], meta: { error: 'shard' } }, 'error'],
  [{ accounts: [], is_success: false }, 'is_success'],
  [{ accounts: [], success: 'false' }, 'success'],
  [{ accounts: [], ok: 0 }, 'ok'],
  [{ accounts: [], result: 'error' }, 'result'],
  [{ accounts: [], HTTPStatus: 503 }, 'HTTPStatus'],
  [{ accounts: [], error: 'none', error_code: '0', failed: 0 }, undefined],
  [{ accounts: [], status: 'ok', result: 'success', code: 200 }, undefined],
  [{ accounts: [{ error: 'x' }], data: { error: 'x' } }, undefined],
])('%j is an error by %p', (document, member) => {
  expect(errorMember(document, false)).toBe(member);
});

test.each([
  [{ id: 'a', last_error: 'x', error_message: 'x', failed: true, meta: { error: 'x' } }, undefined],
  [{ id: 'a', error: 'x' }, 'error'],
])('of an account, %j is an error by %p', (document, member) => {
  expect(errorMember(document, true)).toBe(member);
});

test("an account's own status is no error of the answer", () => {
  expect(errorMember({ id: 'a', status: 'error' }, true)).toBeUndefined();
  expect(errorMember({ id: 'a', status: 'error' }, false)).toBe('status');
});

test.each([
  [{ pagination: { has_next: true } }, true],
  [{ meta: { next_cursor: 'x' } }, true],
  [{ paging: { nextPage: 2 } }, true],
  [{ next: '' }, false],
  [{ next: null, hasMore: false }, false],
  [{ pagination: { has_next: false, next_cursor: 'x' } }, false],
  [{ meta: { page: 1, total_pages: 3 } }, true],
  [{ meta: { page: 3, total_pages: 3 } }, false],
  [{ page: 0, pages: 1 }, false],
  [{ page: 0, pages: 2 }, true],
  [{ _links: { next: { href: 'https://api.example/?page=2' } } }, true],
  [{ _links: { next: { href: '' } } }, false],
  [{ pageInfo: { hasNextPage: 'true' } }, true],
  [{ isTruncated: true }, true],
  [{ complete: false }, true],
  [{ last: true, complete: true }, false],
])('%j says that there is more: %p', (document, more) => {
  expect(saysThereIsMore(document, {})).toBe(more);
});
