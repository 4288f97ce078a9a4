import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '../support/jest.js';
import type { Answer } from './scripted-provider.js';
import { useWorlds } from './world.js';

const worlds = useWorlds();
type Lines = NonNullable<Answer['headers']>;
const LIMITED = { error: { code: 'rate_limit_exceeded', message: 'Slow down.' } };
const gzipped = (value: unknown, headers: Lines = []): Answer => ({
  headers: [['content-encoding', 'gzip'], ...headers],
  raw: gzipSync(JSON.stringify(value)),
});
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

/** How long a caller is asked to wait for a probe that was answered 429 with these headers. */
async function waitFor(headers: Lines): Promise<number> {
  const world = await worlds.open('outfame', ['acc_a']);
  world.provider.when('any', { status: 429, headers, body: LIMITED });
  const reply = await world.probe('acc_a');
  expect(reply).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } });
  expect(reply.headers.get('retry-after')).toBe(String(reply.body.retry_after));
  return reply.body.retry_after;
}

describe('7 headers', () => {
  test('two Retry-After lines: probe, sweep and disconnect keep the longer wait', async () => {
    const world = await worlds.open('outfame', ['acc_a', 'acc_b']);
    const headers: Lines = [
      ['retry-after', '3'],
      ['retry-after', '7'],
    ];
    world.provider.when('any', { status: 429, headers, body: LIMITED });
    const probe = await world.probe('acc_a');
    expect(probe).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } });
    expect(probe.body.retry_after).toBeGreaterThan(5);
    expect(probe.body.retry_after).toBeLessThanOrEqual(7);
    expect((await world.sweep()).error.code).toBe('rate_limited');
    const disconnect = await world.beginDisconnect('acc_b');
    const step = await world.triedStep(disconnect, 1);
    expect(step.last_error?.code ?? 'rate_limited').toBe('rate_limited');
    expect(step.state).toMatch(/pending|running/);
    world.provider.asUsual();
    expect(await world.endedStep(disconnect)).toMatchObject({ verified: 'absent' });
  });

  test.each<readonly [what: string, headers: Lines, from: number, to: number]>([
    ['seconds', [['retry-after', '7']], 6, 7],
    [
      'the longer first',
      [
        ['retry-after', '7'],
        ['retry-after', '3'],
      ],
      6,
      7,
    ],
    [
      'three lines',
      [
        ['retry-after', '4'],
        ['Retry-After', '9'],
        ['retry-after', '2'],
      ],
      8,
      9,
    ],
    ['one line with a comma', [['retry-after', '3, 7']], 6, 7],
    ['a fraction', [['retry-after', '6.2']], 6, 7],
    [
      'garbage beside a number',
      [
        ['retry-after', 'soon'],
        ['retry-after', '7'],
      ],
      6,
      7,
    ],
    ['a date', [['retry-after', new Date(Date.now() + 600_000).toUTCString()]], 500, 600],
    [
      'a date and seconds',
      [
        ['retry-after', new Date(Date.now() + 600_000).toUTCString()],
        ['retry-after', '5'],
      ],
      500,
      600,
    ],
    [
      'a reset in seconds left',
      [
        ['x-ratelimit-limit', '60'],
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-reset', '45'],
      ],
      40,
      45,
    ],
    [
      'a reset in Unix seconds',
      [
        ['x-ratelimit-limit', '60'],
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-reset', String(inSeconds(600))],
      ],
      400,
      600,
    ],
    [
      'a reset in Unix milliseconds',
      [
        ['x-ratelimit-limit', '60'],
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-reset', String(inSeconds(600) * 1000)],
      ],
      400,
      600,
    ],
    [
      'a reset with a fraction',
      [
        ['x-ratelimit-limit', '60'],
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-reset', `${inSeconds(600)}.5`],
      ],
      400,
      601,
    ],
    [
      'limits told twice',
      [
        ['x-ratelimit-limit', '60'],
        ['x-ratelimit-limit', '1000'],
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-remaining', '900'],
        ['x-ratelimit-reset', '45'],
        ['x-ratelimit-reset', '45'],
      ],
      40,
      45,
    ],
  ])('429 with %s', async (_what, headers, from, to) => {
    const wait = await waitFor(headers);
    expect(wait).toBeGreaterThanOrEqual(from);
    expect(wait).toBeLessThanOrEqual(to);
  });

  test.each<readonly [what: string, headers: Lines]>([
    ['no header', []],
    ['garbage', [['retry-after', 'soon']]],
    ['a negative number', [['retry-after', '-5']]],
    ['nothing in it', [['retry-after', '']]],
    ['a date long past', [['retry-after', 'Thu, 01 Jan 1970 00:00:00 GMT']]],
    ['infinity', [['retry-after', 'Infinity']]],
    ['a number without end', [['retry-after', '9'.repeat(400)]]],
    [
      'a request named twice',
      [
        ['x-request-id', 'a'],
        ['x-request-id', 'b'],
      ],
    ],
    [
      'a content type told twice',
      [
        ['content-type', 'application/json'],
        ['content-type', 'text/html'],
      ],
    ],
  ])('429 with %s is handled, and the wait is a sane one', async (_what, headers) => {
    const world = await worlds.open('outfame', ['acc_a']);
    world.provider.when('any', { status: 429, headers, body: LIMITED });
    const reply = await world.probe('acc_a');
    expect(reply).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } });
    expect(reply.body.retry_after).toBeGreaterThanOrEqual(1);
    expect(reply.body.retry_after).toBeLessThanOrEqual(86_400);
    expect(await world.sweep()).toMatchObject({ state: 'failed', error: { code: 'rate_limited' } });
  });

  test.each<readonly [what: string, headers: Lines]>([
    [
      'two request ids',
      [
        ['x-request-id', 'a'],
        ['x-request-id', 'b'],
      ],
    ],
    [
      'two dates',
      [
        ['date', 'x'],
        ['date', 'y'],
      ],
    ],
    [
      'two cookies',
      [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    ],
    [
      'a window told twice',
      [
        ['x-ratelimit-limit', '60'],
        ['x-ratelimit-limit', '60'],
      ],
    ],
    [
      'a window of words',
      [
        ['x-ratelimit-limit', 'many'],
        ['x-ratelimit-remaining', 'few'],
      ],
    ],
  ])('a good answer with %s is a good answer', async (_what, headers) => {
    const world = await worlds.open('outfame', ['acc_a']);
    world.provider.when('any', (_request, usual) => ({ ...usual(), headers }));
    expect((await world.probe('acc_a')).status).toBe(200);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 1 });
    expect((await world.disconnect('acc_a')).body.data.steps[0].verified).toBe('absent');
  });
});

describe('7 headers: compressed answers', () => {
  const page = (ids: readonly string[], extra = '') => ({
    accounts: ids.map((id) => ({ id, platform: 'twitter', username: id, is_active: true, extra })),
  });

  test('gzip, though none was asked for, is read', async () => {
    const world = await worlds.open('octopost', ['acc_a']);
    world.provider.when('GET /accounts', gzipped(page(['acc_a', 'acc_b'])));
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 2, vanished: 0 });
  });

  test('gzip of a refusal is read', async () => {
    const world = await worlds.open('octopost', ['acc_a']);
    world.provider.held.delete('acc_a');
    const fault = { error: 'Account not found', code: 'not_found' };
    world.provider.when('GET /accounts/acc_a', { ...gzipped(fault), status: 404 });
    world.provider.when('DELETE /accounts/acc_a', { ...gzipped(fault), status: 404 });
    expect((await world.disconnect('acc_a')).body.data.steps[0]).toMatchObject({
      outcome: 'already_gone',
      verified: 'absent',
    });
  });

  test.each<readonly [what: string, () => Answer]>([
    ['broken gzip', () => ({ ...gzipped({}), raw: Buffer.from('1f8b08000000', 'hex') })],
    ['gzip that is none', () => ({ ...gzipped({}), raw: '{"accounts":[]}' })],
    ['an unknown coding', () => ({ headers: [['content-encoding', 'x-own']], raw: 'abc' })],
    [
      'gzip that is cut off',
      () => ({ ...gzipped({}), raw: gzipSync('{"accounts":[]}').subarray(0, 20) }),
    ],
  ])('%s is an invalid answer', async (_what, answer) => {
    const world = await worlds.open('octopost', ['acc_a']);
    world.provider.when('GET /accounts', answer());
    expect(await world.sweep()).toMatchObject({
      state: 'failed',
      vanished: 0,
      error: { code: 'invalid_answer' },
    });
    expect((await world.account('acc_a')).status).toBe('active');
  });

  test('gzip of more than is accepted is refused, whatever its size on the wire', async () => {
    const world = await worlds.open('outfame', ['acc_a']);
    const bomb = { data: [], has_more: false, padding: ' '.repeat(8 * 1024 * 1024) };
    world.provider.when('GET /accounts', gzipped(bomb));
    expect(await world.sweep()).toMatchObject({
      state: 'failed',
      vanished: 0,
      error: { code: 'invalid_answer' },
    });
  });
});
