import { request } from 'node:http';
import {
  PROVIDER_NAMES,
  type ProviderName,
  type Sandbox,
  startSandbox,
} from '../../sandbox/index.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '../support/jest.js';
import { callerOf, control, type Item, items, listPath, type Reply } from './caller.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, accounts: 100 });
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const list = (provider: ProviderName, query = '') =>
  callerOf(sandbox, provider)('GET', `${listPath(provider)}${query}`);

async function inject(provider: ProviderName, fault: Item): Promise<void> {
  const reply = await control(sandbox, 'POST', `/${provider}/faults`, fault);
  expect([reply.status, reply.json]).toEqual([201, { id: expect.any(String) }]);
}

/** What a caller sees of the raw answer: the promised length and what came of it. */
function rawList(
  provider: ProviderName,
): Promise<{ promised: number; received: number; error: string | undefined }> {
  const headers = {
    Authorization: sandbox.provider(provider).authorization,
    'Content-Type': 'application/json',
  };
  return new Promise((resolve) => {
    const url = `${sandbox.baseUrl(provider)}${listPath(provider)}`;
    const outgoing = request(url, { headers }, (response) => {
      let received = 0;
      let error: string | undefined;
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      response.on('error', (cause: NodeJS.ErrnoException) => {
        error = cause.code;
      });
      response.on('close', () =>
        resolve({ promised: Number(response.headers['content-length']), received, error }),
      );
    });
    // A reset may overtake the beginning of the answer.
    outgoing.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve({ promised: 0, received: 0, error: code }),
    );
    outgoing.end();
  });
}

describe.each(PROVIDER_NAMES)('%s', (provider) => {
  it('can be down, and up again', async () => {
    await inject(provider, { kind: 'down', times: 1 });
    await expect(list(provider)).rejects.toThrow();
    expect((await list(provider)).status).toBe(200);
  });

  it('can hang', async () => {
    await inject(provider, { kind: 'hang' });
    await expect(
      callerOf(sandbox, provider)('GET', '/accounts', { signal: AbortSignal.timeout(80) }),
    ).rejects.toThrow(/timeout/);
  });

  it('can be slow', async () => {
    await inject(provider, { kind: 'slow', delay_ms: 80 });
    const startedAt = performance.now();
    expect((await list(provider)).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(78);
  });

  it('can be rate limited, with Retry-After', async () => {
    await inject(provider, { kind: 'rate_limited', retry_after: 7 });
    const reply = await list(provider);
    expect([reply.status, reply.headers.get('Retry-After')]).toEqual([429, '7']);
  });

  it('can answer 500 and 503, in JSON', async () => {
    await inject(provider, { kind: 'server_error', times: 1 });
    await inject(provider, { kind: 'server_error', status: 503, retry_after: 3 });
    expect((await list(provider)).status).toBe(500);
    const reply = await list(provider);
    expect([reply.status, reply.headers.get('Retry-After')]).toEqual([503, '3']);
    expect(reply.json).not.toEqual({});
  });

  it('can answer HTML, as an error and as a success', async () => {
    await inject(provider, { kind: 'html', times: 1 });
    await inject(provider, { kind: 'html', status: 200 });
    for (const status of [502, 200]) {
      const reply = await list(provider);
      expect([reply.status, reply.headers.get('Content-Type')]).toEqual([
        status,
        'text/html; charset=utf-8',
      ]);
      expect(reply.text).toMatch(/^<!DOCTYPE html>/);
    }
  });

  it('can revoke the key', async () => {
    await inject(provider, { kind: 'key_revoked' });
    expect((await list(provider)).status).toBe(provider === 'creatoraudit' ? 403 : 401);
  });

  it('can forbid the key what it asks', async () => {
    await inject(provider, { kind: 'forbidden' });
    const reply = await list(provider);
    expect([reply.status, reply.headers.get('content-type')]).toEqual([
      403,
      expect.stringContaining('json'),
    ]);
  });

  it('can deny an account that it holds, in its own way', async () => {
    await inject(provider, { kind: 'not_found' });
    const reply = await list(provider);
    expect([reply.status, reply.headers.get('content-type')]).toEqual([
      provider === 'postiz' ? 500 : 404,
      expect.stringContaining('json'),
    ]);
  });

  it('can reset the connection in mid-answer', async () => {
    await inject(provider, { kind: 'reset' });
    await expect(rawList(provider).then(({ error }) => error)).resolves.toBe('ECONNRESET');
  });

  it('can cut the answer short of its Content-Length', async () => {
    await inject(provider, { kind: 'truncated' });
    const { promised, received } = await rawList(provider);
    expect(received).toBe(Math.floor(promised / 2));
    await expect(list(provider)).rejects.toThrow();
  });

  it('can answer JSON of another shape', async () => {
    await inject(provider, { kind: 'wrong_shape' });
    const reply = await list(provider);
    expect([reply.status, reply.json]).toEqual([200, { result: [{ value: 42 }] }]);
  });

  it('can spoil one item of a list', async () => {
    await inject(provider, { kind: 'bad_item' });
    const { json } = await list(provider);
    const listed = Array.isArray(json) ? json : (json.data ?? json.accounts);
    const [first, second] = listed as Item[];
    const network = first !== undefined && 'identifier' in first ? 'identifier' : 'platform';
    expect(typeof first?.[network]).toBe('object');
    expect(first?.id ?? first?._id ?? first?.accountId).toEqual(expect.any(String));
    expect(second?.[network]).toEqual(expect.any(String));
  });
});

it.each(['outfame', 'creatoraudit'] as const)(
  '%s can repeat its cursor for ever',
  async (provider) => {
    await inject(provider, { kind: 'repeat_cursor' });
    const cursorOf = ({ json }: Reply) =>
      String(json.next_cursor ?? (json.pagination as Item).next_cursor);
    const first = await list(provider);
    const second = await list(provider, `?cursor=${cursorOf(first)}`);
    expect(cursorOf(second)).toBe(cursorOf(first));
    expect(items(second, 'data')).toEqual(items(first, 'data'));
  },
);

it.each([
  ['outfame', '/accounts/acc_7Gx2kLm9Qr', 'acc_7Gx2kLm9Qr'],
  [
    'creatoraudit',
    '/accounts/3c90c3cc-0d44-4b50-8888-8dd25736052a',
    '3c90c3cc-0d44-4b50-8888-8dd25736052a',
  ],
  ['socialsyncer', '/accounts/instagram/17841400123456789', 'instagram/17841400123456789'],
  ['octopost', '/accounts/acc_abc123', 'acc_abc123'],
] as const)(
  '%s can lose the answer after the work was done, and counts the delete once',
  async (provider, path, id) => {
    const call = callerOf(sandbox, provider);
    await inject(provider, { kind: 'server_error', method: 'DELETE', times: 1 });
    await inject(provider, { kind: 'lost_answer', method: 'DELETE', times: 1 });
    expect((await call('DELETE', path)).status).toBe(500);
    await expect(call('DELETE', path)).rejects.toThrow();
    expect((await call('DELETE', path)).status).toBe(404);
    expect(sandbox.provider(provider).counts().deletes).toEqual({
      [id]: { calls: 3, effective: 1 },
    });
  },
);

describe('limits of a fault', () => {
  it('strikes only the method and path it is for', async () => {
    const call = callerOf(sandbox, 'outfame');
    await inject('outfame', { kind: 'server_error', method: 'GET', path: '/accounts/{id}' });
    await inject('outfame', { kind: 'rate_limited', path: '/engagement/*' });
    expect((await call('GET', '/accounts')).status).toBe(200);
    expect((await call('GET', '/accounts/acc_7Gx2kLm9Qr')).status).toBe(500);
    expect((await call('PATCH', '/accounts/acc_7Gx2kLm9Qr', { body: {} })).status).toBe(200);
    expect((await call('GET', '/engagement/stats?account_id=acc_7Gx2kLm9Qr')).status).toBe(429);
    expect((await list('octopost')).status).toBe(200);
  });

  it('lets `after` requests pass, then strikes `times`', async () => {
    await inject('octopost', { kind: 'server_error', after: 2, times: 2 });
    const statuses: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) statuses.push((await list('octopost')).status);
    expect(statuses).toEqual([200, 200, 500, 500, 200, 200]);
  });

  it('strikes by chance, the same way each time', async () => {
    const round = async () => {
      await inject('octopost', { kind: 'server_error', probability: 0.5 });
      const statuses: number[] = [];
      for (let turn = 0; turn < 20; turn += 1) statuses.push((await list('octopost')).status);
      await control(sandbox, 'DELETE', '/octopost/faults');
      return statuses;
    };
    const first = await round();
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await round()).toEqual(first);
  });
});
