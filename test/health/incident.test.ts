import { incidentStep } from '../../src/health/incident.js';
import { meanTimeToRecoverySeconds } from '../../src/health/uptime.js';
import { describe, expect, test } from '../support/jest.js';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number) => new Date(start + seconds * 1000);
describe('an incident', () => {
  const failing = {
    circuit: 'open',
    lastSuccessAt: at(0),
    lastFailureAt: at(10),
    isUsed: true,
  } as const;
  const open = { closedAt: null, lastFailureAt: at(10) };

  test('opens with the circuit, once', () => {
    expect(incidentStep(null, { ...failing, circuit: 'closed' }, at(10))).toBe('leave');
    expect(incidentStep(null, failing, at(10))).toBe('open');
    expect(incidentStep(open, failing, at(10))).toBe('leave');
    expect(incidentStep(open, { ...failing, lastFailureAt: at(11) }, at(11))).toBe('prolong');
  });

  test('closes when the provider works and a minute has passed without a failure', () => {
    const working = {
      circuit: 'closed',
      lastSuccessAt: at(20),
      lastFailureAt: at(10),
      isUsed: true,
    } as const;
    expect(incidentStep(open, working, at(69))).toBe('leave');
    expect(incidentStep(open, working, at(70))).toBe('close');
  });

  const unasked = { circuit: 'closed', lastSuccessAt: at(5), lastFailureAt: null } as const;

  test('closes in the end where no connection leads any more', () => {
    expect(incidentStep(open, { ...unasked, isUsed: false }, at(69))).toBe('leave');
    expect(incidentStep(open, { ...unasked, isUsed: false }, at(70))).toBe('close');
  });

  test('is left alone by a replica that has not asked since', () => {
    expect(incidentStep(open, { ...unasked, isUsed: true }, at(500))).toBe('leave');
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
