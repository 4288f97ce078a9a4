import { CircuitState } from 'cockatiel';
import fc from 'fast-check';
import { FailureCount } from '../../src/providers/breaker.js';
import { bucketOf, figuresOf } from '../../src/providers/call-figures.js';
import { block, initialRate, learn, minuteShare, take } from '../../src/providers/rate-limit.js';
import { redact, redactText } from '../../src/providers/redact.js';
import { retryDelayMs } from '../../src/providers/retry.js';
import { DEFAULT_POLICIES } from '../../src/providers/settings.js';
import { describe, expect, test } from '../support/jest.js';

describe('the pause before a retry', () => {
  const attempt = fc.integer({ min: 1, max: 40 });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('is a random part of 200 ms doubled each time, and 10 s at most', () => {
    fc.assert(
      fc.property(attempt, random, (number, share) => {
        const delay = retryDelayMs(number, null, share, DEFAULT_POLICIES);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(Math.min(10_000, 200 * 2 ** (number - 1)));
      }),
    );
    expect([1, 2, 3, 9].map((number) => retryDelayMs(number, null, 0.5, DEFAULT_POLICIES))).toEqual(
      [100, 200, 400, 5_000],
    );
  });

  test('is never shorter than Retry-After', () => {
    fc.assert(
      fc.property(attempt, fc.nat(86_400), random, (number, seconds, share) => {
        expect(retryDelayMs(number, seconds, share, DEFAULT_POLICIES)).toBeGreaterThanOrEqual(
          seconds * 1000,
        );
      }),
    );
  });
});

const ONE_A_SECOND = { requests: 60, windowMs: 60_000 };

describe('the rate limit', () => {
  /** When each request of a caller that never stops is sent, in ms. */
  function sendTimes(
    state: ReturnType<typeof initialRate>,
    start: number,
    until: number,
  ): number[] {
    const times: number[] = [];
    for (let now = start; now < until; ) {
      const taken = take(state, now);
      state = taken.state;
      if (taken.waitMs === 0) times.push(now);
      now += taken.waitMs;
    }
    return times;
  }

  const rates = fc.record({
    requests: fc.integer({ min: 1, max: 2_000 }),
    windowMs: fc.constantFrom(1_000, 10_000, 60_000, 900_000, 3_600_000, 86_400_000),
  });

  test('lets no window see more requests than declared, and uses nine tenths of them', () => {
    fc.assert(
      fc.property(rates, fc.nat(1_000_000), ({ requests, windowMs }, start) => {
        const times = sendTimes(
          initialRate({ requests, windowMs }, start),
          start,
          start + 3 * windowMs,
        );
        const spans = times
          .slice(requests)
          .map((time, index) => time - (times[index] ?? Number.NaN));
        // One millisecond is lost to rounding.
        expect(Math.min(windowMs, ...spans)).toBeGreaterThanOrEqual(windowMs - 1);
        // And one for each request.
        const lost = Math.ceil((2.4 * requests * requests) / windowMs);
        expect(times.length).toBeGreaterThanOrEqual(Math.floor(2.4 * requests) - 2 - lost);
      }),
      {
        numRuns: 60,
        examples: [
          [{ requests: 1, windowMs: 60_000 }, 0],
          [{ requests: 1, windowMs: 3_600_000 }, 0],
          [{ requests: 30, windowMs: 3_600_000 }, 0],
        ],
      },
    );
  });

  test('gives a purpose its share of a minute, at least some of it, and never more than all', () => {
    const limits = { concurrency: 1, pageSize: 1 };
    const share = (requests: number, perSeconds: number) =>
      minuteShare({ ...limits, requests, perSeconds }, 0.1, 5);
    expect([share(600, 60), share(60, 60), share(10, 60), share(3, 60)]).toEqual([60, 6, 5, 3]);
    expect([share(30, 3_600), share(1, 86_400), share(36_000, 3_600)]).toEqual([1, 1, 60]);
  });

  test('is what the provider announces, up and down, until its window ends', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.nat(300),
        fc.integer({ min: 5, max: 120 }),
        (limit, remaining, seconds) => {
          const resetAt = seconds * 1000;
          const state = learn(
            initialRate(ONE_A_SECOND, 0),
            { limit, remaining: Math.min(limit, remaining), resetAt },
            0,
          );
          const times = sendTimes(state, 0, resetAt + 1);
          expect(times.filter((time) => time < resetAt)).toHaveLength(Math.min(limit, remaining));
          expect(times.filter((time) => time === resetAt)).toHaveLength(limit);
        },
      ),
    );
  });

  test('an answer that was overtaken gives back nothing', () => {
    let state = learn(
      initialRate(ONE_A_SECOND, 0),
      { limit: 100, remaining: 50, resetAt: 60_000 },
      0,
    );
    for (let request = 0; request < 10; request += 1) state = take(state, 1).state;
    expect(learn(state, { limit: 100, remaining: 48, resetAt: 60_000 }, 2).window?.remaining).toBe(
      40,
    );
    expect(learn(state, { limit: 100, remaining: 12, resetAt: 60_000 }, 2).window?.remaining).toBe(
      12,
    );
    expect(
      learn(state, { limit: 100, remaining: 99, resetAt: 120_000 }, 61_000).window?.remaining,
    ).toBe(99);
  });

  test('survives a reset that is past, or years away', () => {
    for (const resetAt of [0, 1e15]) {
      const now = 1_000_000_000;
      const state = learn(
        initialRate(ONE_A_SECOND, now),
        { limit: 10, remaining: 0, resetAt },
        now,
      );
      const { waitMs } = take(state, now);
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(60_000);
    }
  });

  test('sends nothing before the end of Retry-After, whatever else is announced', () => {
    const blocked = block(
      learn(initialRate(ONE_A_SECOND, 0), { limit: 100, remaining: 100, resetAt: 60_000 }, 0),
      30,
      0,
    );
    expect(take(block(blocked, 5, 0), 0).waitMs).toBe(30_000);
    expect(take(blocked, 29_999).waitMs).toBe(1);
    expect(take(blocked, 30_000).waitMs).toBe(0);
  });
});

describe('the count of failures', () => {
  const count = (now: () => number = () => 0) => new FailureCount(DEFAULT_POLICIES, now);
  const closed = CircuitState.Closed;

  test('opens at the fifth in a row, not at five with a success between', () => {
    const inRow = count();
    expect([1, 2, 3, 4, 5].map(() => inRow.failure(closed))).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
    const broken = count();
    for (let call = 0; call < 4; call += 1) broken.failure(closed);
    broken.success(closed);
    expect(broken.failure(closed)).toBe(false);
  });

  test('opens when half of at least twenty calls failed within 30 s', () => {
    let now = 0;
    const half = count(() => now);
    const opened: boolean[] = [];
    for (let pair = 0; pair < 10; pair += 1) {
      now += 1_000;
      half.success(closed);
      opened.push(half.failure(closed));
    }
    expect(opened).toEqual([...Array(9).fill(false), true]);
  });

  test('forgets what is older than 30 s', () => {
    let now = 0;
    const slow = count(() => now);
    for (let pair = 0; pair < 40; pair += 1) {
      now += 4_000;
      slow.success(closed);
      expect(slow.failure(closed)).toBe(false);
    }
  });
});

describe('what is redacted', () => {
  test('fields named like secrets, at any depth; flags and gaps stay', () => {
    const raw = {
      id: '17841400123456789',
      tokenValid: true,
      token: null,
      accessToken: 'x',
      refresh_token: 'x',
      api_key: 'x',
      apikey: 'x',
      token_expires_at: '2026-02-09T11:45:22Z',
      keywords: ['a'],
      monkey: 'm',
      nested: {
        headers: [{ Authorization: 'Bearer x', accept: '*/*' }],
        client_secret: { value: 'x' },
      },
      Cookie: 'x',
    };
    expect(redact(raw, ['unused'])).toEqual({
      ...raw,
      accessToken: '[redacted]',
      refresh_token: '[redacted]',
      api_key: '[redacted]',
      apikey: '[redacted]',
      nested: {
        headers: [{ Authorization: '[redacted]', accept: '*/*' }],
        client_secret: '[redacted]',
      },
      Cookie: '[redacted]',
    });
  });

  test('the key itself wherever it is; what holds none is the same object', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.stringMatching(/^sk_[a-z0-9]{12,20}$/), (value, key) => {
        expect(JSON.stringify(redact({ value, echoed: [`<${key}>`] }, [key]))).not.toContain(key);
      }),
    );
    const clean = { id: 'a', list: [{ name: 'b' }] };
    expect(redact(clean, ['sk_0123456789'])).toBe(clean);
  });

  test('the key as URLs and base64 carry it, too', () => {
    const key = 'sk_live/0123+456789==';
    for (const echoed of [
      encodeURIComponent(key),
      Buffer.from(key).toString('base64'),
      Buffer.from(`${key}:`).toString('base64'),
      Buffer.from(key).toString('base64url'),
    ])
      expect(redact(`<${echoed}>`, [key])).toMatch(/^<\[redacted\].{0,4}>$/);
  });

  test.each(['test', 'instagram', 'production', 'a', ''])(
    'a key like %j is not told apart from words, and spoils none',
    (key) => {
      const raw = { id: 'acc_test1', platform: 'instagram', note: 'a test of production' };
      expect(redact(raw, [key])).toBe(raw);
      expect(redactText('The latest production of acc_test1', [key])).not.toMatch(/la\[|acc_\[/);
    },
  );

  test('keys in prose, whole, masked or of another vendor; ids stay', () => {
    const key = 'sk_live_abc123def456ghi789';
    const prose = 'acc_7Gx2kLm9Qr of 550e8400-e29b-41d4-a716-446655440000';
    expect(redactText(prose, [key])).toBe(prose);
    expect(redactText(`${key}; sk_live_abc***; oct_live_abc123def456; Bearer abc`, [key])).toBe(
      '[redacted]; [redacted]; [redacted]; [redacted]',
    );
    expect(redactText('The code 4/0Ab_cd is spent: ?code=4%2F0Ab_cd', [key, '4/0Ab_cd'])).toBe(
      'The code [redacted] is spent: ?code=[redacted]',
    );
  });
});

test('percentiles are right to a tenth, however long the attempts took', () => {
  const latencies = fc.array(
    fc.record({ ms: fc.double({ min: 1, max: 60_000, noNaN: true }), fails: fc.boolean() }),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(latencies, (attempts) => {
      const counts = attempts.map(({ ms, fails }) => ({
        bucket: bucketOf(ms),
        succeeded: fails ? 0 : 1,
        failed: fails ? 1 : 0,
      }));
      const { successRate, latencyMs } = figuresOf(counts);
      const sorted = attempts.map(({ ms }) => ms).sort((one, other) => one - other);
      for (const [share, told] of [
        [0.5, latencyMs.p50],
        [0.95, latencyMs.p95],
        [0.99, latencyMs.p99],
      ] as const) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
        // Half a millisecond is lost to rounding.
        expect(Math.abs((told ?? 0) - exact)).toBeLessThanOrEqual(exact / 10 + 0.5);
      }
      expect(successRate).toBeCloseTo(
        (100 * attempts.filter(({ fails }) => !fails).length) / attempts.length,
        1,
      );
    }),
  );
  expect(figuresOf([])).toEqual({
    successRate: null,
    latencyMs: { p50: null, p95: null, p99: null },
  });
});
