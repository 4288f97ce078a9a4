import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { outcomeOf } from '../../src/webhooks/delivery-outcome.js';
import { nextAttemptAt } from '../../src/webhooks/retry-schedule.js';
import { newSecret, signedHeaders } from '../../src/webhooks/signature.js';
import { describe, expect, test } from '../support/jest.js';

const now = new Date('2026-02-09T12:00:00Z');
const failure = {
  at: now,
  status: 500,
  latencyMs: 1,
  answer: '',
  error: 'The receiver answered 500.',
  retryAfterSeconds: null,
};
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);

describe('retries', () => {
  test('wait 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, a tenth longer at most; then no more', () => {
    const seconds = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (const [index, delay] of seconds.entries()) {
      const at = (random: number) =>
        ((nextAttemptAt(index + 1, now, null, () => random)?.getTime() ?? 0) - now.getTime()) /
        1000;
      expect([at(0), at(1)]).toEqual([delay, expect.closeTo(delay * 1.1)]);
    }
    expect(nextAttemptAt(10, now, null)).toBeUndefined();
  });

  test('never come before Retry-After, nor later than a day for it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 1e9 }),
        (attempts, asked) => {
          const waited =
            ((nextAttemptAt(attempts, now, asked)?.getTime() ?? 0) - now.getTime()) / 1000;
          return waited >= Math.min(asked, 86_400) && waited <= 86_400 * 1.1;
        },
      ),
    );
  });
});

describe('what an attempt leads to', () => {
  test('410 ends it and disables the webhook', () => {
    expect(outcomeOf({ failingSince: null }, 1, { ...failure, status: 410 })).toMatchObject({
      state: 'failed',
      disable: 'gone',
    });
  });

  test('five days of failure disable the webhook, less do not', () => {
    expect(outcomeOf({ failingSince: daysAgo(5) }, 2, failure)).toMatchObject({
      state: 'pending',
      disable: 'failing',
    });
    expect(outcomeOf({ failingSince: daysAgo(4.99) }, 2, failure)).toMatchObject({
      state: 'pending',
      disable: null,
    });
  });

  test('the tenth failure is the last', () => {
    expect(outcomeOf({ failingSince: null }, 9, failure).state).toBe('pending');
    expect(outcomeOf({ failingSince: null }, 10, failure).state).toBe('failed');
  });
});

describe('signatures', () => {
  const at = new Date();

  test('hold for either secret while they are rotated, and for no other', () => {
    const [former, current] = [newSecret(), newSecret()];
    const body = '{"type":"account.updated"}';
    const headers = signedHeaders('evt_1', at, body, [current, former]);
    for (const secret of [former, current])
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow();
    expect(() => new Webhook(current).verify(`${body} `, headers)).toThrow();
  });
});
