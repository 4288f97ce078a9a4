import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { incidentStep } from '../../src/health/incident.js';
import { meanTimeToRecoverySeconds } from '../../src/health/uptime.js';
import { ABSENT, judge, type Patience, type Standing } from '../../src/health/verdict.js';
import { HEALTHY, type Verdict } from '../../src/model/index.js';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number) => new Date(start + seconds * 1000);
const verdict = fc.constantFrom<Verdict>(
  HEALTHY,
  { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
  { status: 'warning', reason: 'account_paused', fault: 'account' },
);
const standing = fc.record({ verdict, lookedAt: fc.integer({ min: 0, max: 100_000 }).map(at) });
const calm: Patience = { sweepIntervalSeconds: 300, incident: null };

describe('a verdict', () => {
  test('is not changed by a failed call while its look is younger than three intervals', () => {
    fc.assert(
      fc.property(standing, fc.integer({ min: 0, max: 900 }), (held, age) => {
        const now = new Date(held.lookedAt.getTime() + age * 1000);
        expect(judge(held, { kind: 'failed_call' }, now, calm)).toEqual(held);
      }),
    );
  });

  test('is unknown once its look is older than that, and heals with the next look', () => {
    fc.assert(
      fc.property(standing, verdict, fc.integer({ min: 901, max: 1e6 }), (held, next, age) => {
        const now = new Date(held.lookedAt.getTime() + age * 1000);
        const silent = judge(held, { kind: 'time' }, now, calm);
        expect(silent).toEqual({ verdict: ABSENT.provider_unreachable, lookedAt: held.lookedAt });
        expect(judge(silent, { kind: 'look', verdict: next, at: now }, now, calm)).toEqual({
          verdict: next,
          lookedAt: now,
        });
      }),
    );
  });

  test('holds while an incident is open, and for three intervals after it', () => {
    fc.assert(
      fc.property(
        standing,
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 0, max: 900 }),
        (held, age, since) => {
          const now = new Date(held.lookedAt.getTime() + age * 1000);
          for (const incident of ['open', new Date(now.getTime() - since * 1000)] as const) {
            expect(judge(held, { kind: 'time' }, now, { ...calm, incident })).toEqual(held);
          }
        },
      ),
    );
  });

  test('depends on looks in the order in which they were taken, not in which they arrive', () => {
    const looks = fc.uniqueArray(
      fc.record({ verdict, seconds: fc.integer({ min: 0, max: 800 }) }),
      {
        minLength: 1,
        selector: ({ seconds }) => seconds,
      },
    );
    fc.assert(
      fc.property(looks, fc.infiniteStream(fc.nat()), (taken, keys) => {
        const first: Standing = { verdict: ABSENT.provider_unreachable, lookedAt: new Date(0) };
        const verdictIn = (order: typeof taken) =>
          order.reduce(
            (held, look) =>
              judge(
                held,
                { kind: 'look', verdict: look.verdict, at: at(look.seconds) },
                at(800),
                calm,
              ),
            first,
          );
        const shuffled = taken
          .map((look) => ({ look, key: keys.next().value }))
          .sort((left, right) => left.key - right.key);
        expect(verdictIn(shuffled.map(({ look }) => look))).toEqual(
          verdictIn([...taken].sort((left, right) => left.seconds - right.seconds)),
        );
      }),
    );
  });
});

describe('an incident', () => {
  const failing = { circuit: 'open', lastSuccessAt: at(0), lastFailureAt: at(10) } as const;
  const open = { closedAt: null, lastFailureAt: at(10) };

  test('opens with the circuit, once', () => {
    expect(incidentStep(null, { ...failing, circuit: 'closed' }, at(10))).toBe('leave');
    expect(incidentStep(null, failing, at(10))).toBe('open');
    expect(incidentStep(open, failing, at(10))).toBe('leave');
    expect(incidentStep(open, { ...failing, lastFailureAt: at(11) }, at(11))).toBe('prolong');
  });

  test('closes when the provider works and a minute has passed without a failure', () => {
    const working = { circuit: 'closed', lastSuccessAt: at(20), lastFailureAt: at(10) } as const;
    expect(incidentStep(open, working, at(69))).toBe('leave');
    expect(incidentStep(open, working, at(70))).toBe('close');
  });

  test('is left alone by a replica that has not asked since', () => {
    expect(
      incidentStep(open, { circuit: 'closed', lastSuccessAt: at(5), lastFailureAt: null }, at(500)),
    ).toBe('leave');
    expect(incidentStep({ closedAt: at(70), lastFailureAt: at(10) }, failing, at(500))).toBe(
      'leave',
    );
  });
});

test('the mean time to recovery is over the spells that ended', () => {
  const change = (toStatus: string, seconds: number) => ({
    fromStatus: null,
    toStatus,
    at: at(seconds),
  });
  const changes = [
    change('unhealthy', 0),
    change('unknown', 50),
    change('healthy', 100),
    change('unhealthy', 200),
    change('warning', 500),
  ];
  expect(meanTimeToRecoverySeconds([change('unhealthy', 900), ...changes.toReversed()])).toBe(200);
  expect(meanTimeToRecoverySeconds([change('unhealthy', 900)])).toBeNull();
});
