import fc from 'fast-check';
import { announcedLimit, requestId, retryAfterSeconds } from '../../src/lib/http-headers.js';
import { describe, expect, test } from '../support/jest.js';

const now = new Date('2026-02-09T12:00:00Z');
const unix = now.getTime() / 1000;
const wait = (value: string | string[] | undefined) =>
  // Node's type has one line of it; what HTTP carries may have more.
  retryAfterSeconds({ 'retry-after': value as string }, now);

describe('Retry-After', () => {
  test.each([
    ['45', 45],
    [' 45 ', 45],
    ['0', 0],
    ['1.2', 2],
    ['1.5', 2],
    ['Mon, 09 Feb 2026 12:01:00 GMT', 60],
    ['Monday, 09-Feb-26 12:01:00 GMT', 60],
    ['Mon Feb  9 12:01:00 2026', 60],
    ['Mon, 09 Feb 2026 11:00:00 GMT', 0],
    ['2026-02-09T12:01:00Z', 60],
    ['2026-02-09T14:01:00+0200', 60],
    [String(unix + 90), 90],
    [String((unix + 90) * 1000), 90],
    ['3, 7', 7],
    ['7, 3', 7],
    ['3, Mon, 09 Feb 2026 12:01:00 GMT', 60],
    ['Mon, 09 Feb 2026 12:00:05 GMT, 7', 7],
    ['soon, 7', 7],
  ])('%s is %s s', (value, seconds) => {
    expect(wait(value)).toBe(seconds);
  });

  test.each([
    '',
    '-5',
    'later',
    '5 minutes',
    'NaN',
    '0x10',
    '2026-02-09T12:01:00',
    '9'.repeat(400),
  ])('%s is none', (value) => {
    expect(wait(value)).toBeNull();
  });

  test('in several lines or one, in any order: the longest wait counts', () => {
    const seconds = fc.array(fc.integer({ min: 0, max: 86_400 }), { minLength: 1, maxLength: 5 });
    const forms = [
      (left: number) => String(left),
      (left: number) => new Date(now.getTime() + left * 1000).toUTCString(),
      (left: number) => new Date(now.getTime() + left * 1000).toISOString(),
      (left: number) => String(unix + left),
    ];
    fc.assert(
      fc.property(seconds, fc.array(fc.nat(3), { minLength: 5, maxLength: 5 }), (waits, shapes) => {
        const lines = waits.map((left, at) => forms[shapes[at] ?? 0]?.(left) ?? '');
        expect(wait(lines)).toBe(Math.max(...waits));
        expect(wait(lines.join(', '))).toBe(Math.max(...waits));
        expect(wait(['garbage', ...lines])).toBe(Math.max(...waits));
      }),
    );
    expect(wait(undefined)).toBeNull();
  });
});

describe('an announced limit', () => {
  const of = (headers: Record<string, string | string[]>) => announcedLimit(headers, now);
  const parts = (limit: string | string[], remaining: string | string[], reset?: string) =>
    of({
      'x-ratelimit-limit': limit,
      'x-ratelimit-remaining': remaining,
      ...(reset !== undefined && { 'x-ratelimit-reset': reset }),
    });
  const inSeconds = (left: number) => now.getTime() + left * 1000;

  test('is there with its limit and what remains of it', () => {
    expect(parts('600', '12')).toEqual({ limit: 600, remaining: 12, resetAt: null });
    expect(parts('600, 600;w=60', '-1')).toEqual({ limit: 600, remaining: 0, resetAt: null });
    expect(parts(['600', '500'], ['12', '3'])).toEqual({ limit: 500, remaining: 3, resetAt: null });
    expect([parts('0', '0'), parts('600', ''), parts('many', '1'), of({})]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  test.each([
    ['seconds left', '30'],
    ['Unix seconds', String(unix + 30)],
    ['Unix milliseconds', String((unix + 30) * 1000)],
    ['a fraction of Unix seconds', `${unix + 30}.0`],
    ['ISO 8601', '2026-02-09T12:00:30Z'],
    ['an HTTP date', 'Mon, 09 Feb 2026 12:00:30 GMT'],
    ['two lines, the later counts', '10, 30'],
  ])('has its reset in %s', (_form, reset) => {
    expect(parts('600', '12', reset)?.resetAt).toBe(inSeconds(30));
  });

  test('has none where it cannot be read', () => {
    expect(parts('600', '12', 'soon')).toEqual({ limit: 600, remaining: 12, resetAt: null });
  });

  test('is read from the headers of the IETF drafts, old and new', () => {
    const expected = { limit: 100, remaining: 50, resetAt: inSeconds(30) };
    expect(
      of({
        'ratelimit-limit': '100, 100;w=60',
        'ratelimit-remaining': '50',
        'ratelimit-reset': '30',
      }),
    ).toEqual(expected);
    expect(of({ ratelimit: 'limit=100, remaining=50, reset=30' })).toEqual(expected);
    expect(
      of({ ratelimit: '"default";r=50;t=30', 'ratelimit-policy': '"default";q=100;w=60' }),
    ).toEqual(expected);
    expect(of({ ratelimit: '"default";r=50;t=30' })).toEqual({ ...expected, limit: null });
    expect(of({ ratelimit: 'garbage' })).toBeNull();
  });

  test('is the one with the least left', () => {
    expect(
      of({
        ratelimit: ['"burst";r=5;t=1', '"day";r=900;t=3600'],
        'ratelimit-policy': '"day";q=1000;w=86400, "burst";q=10;w=1',
        'x-ratelimit-limit': '1000',
        'x-ratelimit-remaining': '900',
      }),
    ).toEqual({ limit: 10, remaining: 5, resetAt: inSeconds(1) });
  });
});

test('a request is named by its first X-Request-ID', () => {
  expect(requestId({ 'x-request-id': ['one', 'two'] })).toBe('one');
  expect(requestId({ 'x-request-id': 'x'.repeat(500) })).toHaveLength(200);
  expect([requestId({}), requestId({ 'x-request-id': '' })]).toEqual([null, null]);
});
