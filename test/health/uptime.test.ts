import fc from 'fast-check';
import { uptimeOf } from '../../src/health/uptime.js';
import { describe, expect, test } from '../support/jest.js';

const HOUR = 3_600_000;
const now = new Date('2026-03-31T00:00:00Z');
const ago = (hours: number) => new Date(now.getTime() - hours * HOUR);
const change = (fromStatus: string, toStatus: string, hours: number) => ({
  fromStatus,
  toStatus,
  at: ago(hours),
});
const there = { since: ago(2_000), until: null, absences: [] };

describe('uptime', () => {
  test('is of the known time in which the account was there', () => {
    const changes = [change('unhealthy', 'healthy', 6), change('healthy', 'unhealthy', 12)];
    expect(uptimeOf('healthy', changes, there, now)['24h']).toBe(75);
    // It was away for half of the time in which it was unhealthy.
    const absences = [{ from: ago(9), to: ago(6) }];
    expect(uptimeOf('healthy', changes, { ...there, absences }, now)['24h']).toBe(85.71);
  });

  test('is not known of a time in which it was disconnected', () => {
    const gone = { ...there, until: ago(20 * 24) };
    expect(uptimeOf('healthy', [], gone, now)).toEqual({ '24h': null, '7d': null, '30d': 100 });
    const changes = [change('healthy', 'unhealthy', 25 * 24)];
    expect(uptimeOf('unhealthy', changes, gone, now)['30d']).toBe(50);
  });

  test('does not depend on what was held of the account while it was away', () => {
    const status = fc.constantFrom('healthy', 'warning', 'unhealthy', 'unknown');
    fc.assert(
      fc.property(status, status, fc.integer({ min: 6, max: 20 }), (before, within, hours) => {
        const absences = [{ from: ago(20), to: ago(5) }];
        const changes = [change(within, 'healthy', 5), change(before, within, hours)];
        const told = uptimeOf('healthy', changes, { ...there, absences }, now);
        const plain = uptimeOf(
          'healthy',
          [change(before, 'healthy', 5)],
          { ...there, absences },
          now,
        );
        expect(told).toEqual(plain);
      }),
    );
  });
});
