import { connect, createServer, type Server } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { ProviderError } from '../../src/model/index.js';
import type { ProviderConnection, Providers } from '../../src/providers/index.js';
import { afterEach, beforeEach, describe, expect, test } from '../support/jest.js';
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

beforeEach(async () => {
  provider = await startSmallProvider();
  ({ providers, full } = engineFor(provider, {
    readAttempts: 1,
    headersTimeoutMs: 500,
    bodyTimeoutMs: 500,
    readDeadlineMs: 2_000,
  }));
});

afterEach(async () => {
  await providers.close();
  await provider.close();
});

const firstPage = () => providers.list(full, { cursor: null }, {});
const create = () =>
  providers.create(full, { platform: 'instagram', username: 'someone', settings: {} }, {});

const html: Handler = (_request, response) => {
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end('<html><body>Down for maintenance</body></html>');
};
const truncatedWith =
  (status: number): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"items": [', () => response.destroy());
  };
const hang: Handler = () => {};
const hangInBody: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"items": [');
};
const reset: Handler = (request) => request.socket.resetAndDestroy();
const text =
  (body: string): Handler =>
  (_request, response) =>
    response.writeHead(200).end(body);

describe('what an answer becomes', () => {
  test.each<[string, Handler, string, number | null]>([
    ['401', json(401, { code: 'no', message: 'No.' }), 'credential_rejected', 401],
    ['403', json(403, {}), 'permission_denied', 403],
    ['404 to what every key may ask', json(404, NO_SUCH_ACCOUNT), 'invalid_answer', 404],
    ['408', json(408, {}), 'timeout', 408],
    ['407, which only a proxy sends', json(407, {}), 'invalid_answer', 407],
    ['409', json(409, {}), 'state_conflict', 409],
    ['422', json(422, {}), 'refused', 422],
    ['429', json(429, {}), 'rate_limited', 429],
    ['500', json(500, {}), 'server_error', 500],
    [
      '502 with a web page',
      (_request, response) => response.writeHead(502).end('<html>'),
      'server_error',
      502,
    ],
    ['500 with a truncated body', truncatedWith(500), 'server_error', 500],
    ['503', json(503, {}), 'unavailable', 503],
    [
      'its own code, whatever the status',
      json(403, { code: 'plan_full', message: 'Full.' }),
      'quota_exceeded',
      403,
    ],
    [
      'a code named like a property of every object',
      json(400, { code: 'constructor', message: '' }),
      'refused',
      400,
    ],
    ['redirect', json(302, {}, { location: 'http://127.0.0.1:1/' }), 'invalid_answer', 302],
    ['web page', html, 'invalid_answer', 200],
    ['JSON that is none', text('{"items": ['), 'invalid_answer', 200],
    ['empty body where one is due', text(''), 'invalid_answer', 200],
    ['truncated body', truncatedWith(200), 'invalid_answer', 200],
    ['wrong shape', json(200, { items: 'none' }), 'invalid_answer', 200],
    ['oversize body', json(200, { items: ['x'.repeat(70_000)] }), 'invalid_answer', 200],
    ['hang', hang, 'timeout', null],
    ['hang in the body', hangInBody, 'timeout', null],
    ['reset', reset, 'network', null],
  ])('%s', async (_name, handler, code, status) => {
    provider.answer(handler);
    const error = await failureOf(firstPage());
    expect(error).toBeInstanceOf(ProviderError);
    expect(error).toMatchObject({ provider: 'full', code, status });
  });

  test('a refused connection is a network error', async () => {
    await provider.close();
    const error = (await failureOf(firstPage())) as ProviderError;
    expect([error.code, error.message, error.cause]).toEqual([
      'network',
      'Full refused the connection.',
      expect.anything(),
    ]);
    provider = await startSmallProvider();
  });

  test('409 on create says that the account exists', async () => {
    provider.answer(json(409, {}));
    expect(await failureOf(create())).toMatchObject({ code: 'already_exists' });
  });

  test('an answer of the wrong shape names the field, never the value', async () => {
    provider.answer(json(200, { items: 'do not show this' }));
    const error = (await failureOf(firstPage())) as ProviderError;
    expect(error.message).toMatch(
      /^Full answered with a body that does not match its documentation: items: .*expected array/,
    );
    expect(error.message).not.toContain('do not show');
  });

  test('an empty body is null to the schema', async () => {
    provider.answer((_request, response) => response.writeHead(204).end());
    await expect(providers.pause(full, { id: 'a' }, {})).resolves.toBe('done');
  });
});

describe('a body that is compressed although nobody asked for it', () => {
  const page = JSON.stringify({ items: [item('é')] });
  const encoded =
    (encoding: string | string[], body: Buffer, status = 200): Handler =>
    (_request, response) => {
      response.setHeader('content-encoding', encoding).writeHead(status).end(body);
    };
  const idsSeen = async () =>
    (await firstPage()).accounts.map(({ account }) => account.providerAccountId);

  test.each<[string, Handler]>([
    ['gzip', encoded('gzip', gzipSync(page))],
    ['x-gzip in capitals', encoded('X-GZIP', gzipSync(page))],
    ['br', encoded('br', brotliCompressSync(page))],
    ['deflate', encoded('deflate', deflateSync(page))],
    ['deflate without its wrapper', encoded('deflate', deflateRawSync(page))],
    ['identity', encoded('identity', Buffer.from(page))],
    ['two encodings', encoded('br, gzip', gzipSync(brotliCompressSync(page)))],
    ['two lines of them', encoded(['br', 'gzip'], gzipSync(brotliCompressSync(page)))],
  ])('%s is read', async (_name, handler) => {
    provider.answer(handler);
    expect(await idsSeen()).toEqual(['é']);
  });

  test.each<[string, Handler]>([
    ['a bomb', encoded('gzip', gzipSync(Buffer.alloc(50_000_000, ' ')))],
    ['a bomb in a bomb', encoded('gzip, gzip', gzipSync(gzipSync(Buffer.alloc(50_000_000))))],
    ['one that is cut off', encoded('gzip', gzipSync(page).subarray(0, -20))],
    ['one that is none', encoded('gzip', Buffer.from(page))],
    ['one that is not known', encoded('zstd', Buffer.from(page))],
  ])('%s is an invalid answer', async (_name, handler) => {
    provider.answer(handler);
    expect(await failureOf(firstPage())).toMatchObject({ code: 'invalid_answer', status: 200 });
  });

  test('a refusal stays one with its own code, and is none where it cannot be read', async () => {
    const fault = gzipSync(JSON.stringify({ code: 'plan_full', message: 'Full.' }));
    provider.answer(encoded('gzip', fault, 403));
    expect(await failureOf(firstPage())).toMatchObject({ code: 'quota_exceeded', status: 403 });
    provider.answer(encoded('gzip', Buffer.from('broken'), 403));
    expect(await failureOf(firstPage())).toMatchObject({ code: 'invalid_answer', status: 403 });
  });

  test('an answer without a body has nothing to decode', async () => {
    provider.answer(encoded('gzip', Buffer.alloc(0), 204));
    await expect(providers.pause(full, { id: 'a' }, {})).resolves.toBe('done');
  });
});

describe('what a failure tells', () => {
  test('the longer wait of two Retry-After lines', async () => {
    provider.answer((_request, response) => {
      response.setHeader('retry-after', ['3', '7']).writeHead(429).end('{}');
    });
    expect(await failureOf(firstPage())).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 7,
    });
  });

  test("the provider's own code and text, cut and without the key", async () => {
    const message = `Key ${API_KEY} (Bearer ${API_KEY}, shown as sk_live_0123***) is not known. ${'Sorry! '.repeat(100)}`;
    provider.answer(json(401, { code: 'invalid_key', message }));
    const error = (await failureOf(firstPage())) as ProviderError;
    expect(error.providerCode).toBe('invalid_key');
    expect(error.providerMessage).toContain('is not known. Sorry!');
    expect(error.providerMessage).not.toContain('0123');
    expect(error.providerMessage?.length).toBeLessThanOrEqual(300);
    expect(JSON.stringify({ ...error, message: error.message, cause: error.cause })).not.toContain(
      API_KEY,
    );
  });

  test.each([
    ['seconds', () => '7', 7],
    ['a date', () => new Date(Date.now() + 60_000).toUTCString(), 60],
    ['a date that is past', () => 'Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['nonsense', () => 'soon', null],
    ['a negative number', () => '-5', null],
  ])('Retry-After in %s', async (_name, value, seconds) => {
    provider.answer(json(503, {}, { 'retry-after': value() }));
    const error = (await failureOf(firstPage())) as ProviderError;
    if (seconds === null || seconds === 0) expect(error.retryAfterSeconds).toBe(seconds);
    else expect(Math.abs((error.retryAfterSeconds ?? 0) - seconds)).toBeLessThanOrEqual(1);
  });

  test('an answer lost after the work was done leaves the outcome of a write unknown, and it is not repeated', async () => {
    provider.answer(reset);
    const error = await failureOf(create());
    expect(error).toMatchObject({ code: 'network', outcomeUnknown: true });
    expect(provider.requests).toHaveLength(1);
  });

  test('a key that no header can carry is refused before anything is sent', async () => {
    const call = providers.verify({ ...full, credentials: { api_key: 'sk_\nlive' } }, {});
    expect(await failureOf(call)).toMatchObject({ code: 'refused', outcomeUnknown: false });
    expect(provider.requests).toHaveLength(0);
  });
});

describe('the deadline', () => {
  test('ends a hang within its time', async () => {
    const { providers: patient } = engineFor(provider, { headersTimeoutMs: 10_000 });
    provider.answer(hang);
    const error = await failureOf(
      patient.create(
        full,
        { platform: 'instagram', username: 'a', settings: {} },
        { deadlineMs: 200 },
      ),
    );
    expect(error).toMatchObject({ code: 'timeout', outcomeUnknown: true });
  });

  test('of a call that was still waiting for its turn says that nothing was sent', async () => {
    const { providers: patient } = engineFor(provider, { headersTimeoutMs: 10_000 });
    provider.answer(hang);
    const busy = [1, 2, 3, 4].map(() =>
      failureOf(patient.list(full, { cursor: null }, { deadlineMs: 400 })),
    );
    const waiting = await failureOf(
      patient.create(
        full,
        { platform: 'instagram', username: 'a', settings: {} },
        { deadlineMs: 100 },
      ),
    );
    expect(waiting).toMatchObject({ code: 'rate_limited', outcomeUnknown: false });
    await Promise.all(busy);
    expect(provider.requests.every((request) => request.method === 'GET')).toBe(true);
  });

  test('a caller who stops hears its own reason, and the provider is not blamed', async () => {
    provider.answer(hang);
    const stop = new AbortController();
    const call = failureOf(providers.list(full, { cursor: null }, { signal: stop.signal }));
    setTimeout(() => stop.abort(new Error('shutting down')), 30);
    expect(await call).toMatchObject({ message: 'shutting down' });
    expect(providers.state(providers.sites())).toMatchObject({
      lastFailureAt: null,
      lastError: null,
    });
  });
});

describe('what is sent', () => {
  test('key, accept, trace and JSON body', async () => {
    provider.answer(json(201, item('a', 'a')));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const observation = await providers.create(
      full,
      { platform: 'instagram', username: 'a', settings: {} },
      { traceparent },
    );
    expect(observation.account.providerAccountId).toBe('a');
    expect(provider.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${API_KEY}`,
      accept: 'application/json',
      'content-type': 'application/json',
      traceparent,
    });
  });

  test.each(['a/../b?x=1', '..', '.', 'ü ', '%2e'])(
    'the id %p stays one segment of the path',
    async (id) => {
      provider.answer(json(200, item(id)));
      await providers.lookUp(full, { id }, {});
      const segments = provider.requests[0]?.url.split('/') ?? [];
      expect(segments.slice(0, 3)).toEqual(['', 'v1', 'accounts']);
      expect(segments).toHaveLength(4);
      expect(decodeURIComponent(segments[3] ?? '')).toBe(id);
    },
  );

  test("the adapter's own headers go with every request", async () => {
    const { plain } = engineFor(provider);
    await providers.list(plain, { cursor: null }, {});
    expect(provider.requests[0]?.headers['content-type']).toBe('application/json');
  });
});

test('a server that is no HTTP server is a network error', async () => {
  const server: Server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const error = await failureOf(
    providers.list({ ...full, baseUrl: `http://127.0.0.1:${port}` }, { cursor: null }, {}),
  );
  expect(error).toMatchObject({ code: 'network' });
  server.close();
  connect(port, '127.0.0.1').on('error', () => {});
});

test('an operation the provider lacks is a mistake of ours, not of the provider', async () => {
  expect(providers.supports('full', 'stats')).toBe(false);
  await expect(providers.stats(full, { id: 'a' }, {})).rejects.toThrow(
    'Full does not support the operation "stats".',
  );
  provider.answer(inTurn(json(200, {})));
  expect(provider.requests).toHaveLength(0);
});

describe('a refusal that means success', () => {
  test('a pause of what is paused is told to be none', async () => {
    provider.answer(json(400, { code: 'already_paused', message: 'Paused.' }));
    await expect(providers.pause(full, { id: 'a' }, {})).resolves.toBe('already_so');
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
