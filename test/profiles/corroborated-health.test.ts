import fc from 'fast-check';
import { ROLES } from '../../src/model/index.js';
import type { MemberFacts } from '../../src/profiles/member-facts.js';
import { mergeProfile } from '../../src/profiles/merge.js';
import { describe, expect, test } from '../support/jest.js';
import {
  dead,
  expiring,
  growing,
  looking,
  merge,
  minutesAgo,
  NOW,
  paused,
  several,
  silent,
  stale,
  untold,
} from './members.js';

describe('the health of a profile', () => {
  test.each<[string, Partial<MemberFacts>[], string, string | null, string]>([
    ['dead at one, alive at another', [dead, {}], 'warning', 'grant_broken', 'medium'],
    ['dead at one, alive at two', [dead, {}, looking], 'warning', 'grant_broken', 'high'],
    ['dead at one, paused at another', [dead, paused], 'warning', 'grant_broken', 'medium'],
    ['the only grant dead, seen alive', [dead, looking], 'warning', 'grant_broken', 'medium'],
    ['dead at one, another out of reach', [dead, silent], 'warning', 'grant_broken', 'low'],
    [
      'unavailable to one that looks',
      [{ ...dead, ...looking }, {}],
      'warning',
      'grant_broken',
      'medium',
    ],
    ['dead at its only provider', [dead], 'unhealthy', 'token_invalid', 'medium'],
    [
      'dead twice at one provider',
      [dead, { ...dead, provider: 'vendor0' }],
      'unhealthy',
      'token_invalid',
      'medium',
    ],
    ['dead at all', [dead, dead], 'unhealthy', 'token_invalid', 'high'],
    [
      'dead at all, for several reasons',
      [
        { ...dead, ...looking, healthReason: 'profile_unavailable' },
        { ...dead, ...growing, healthReason: 'account_suspended' },
      ],
      'unhealthy',
      'account_suspended',
      'high',
    ],
    ['every grant dead, seen alive', [dead, dead, looking], 'unhealthy', 'token_invalid', 'medium'],
    [
      'every grant dead, nobody looks',
      [dead, dead, { ...silent, ...looking }],
      'unhealthy',
      'token_invalid',
      'medium',
    ],
    ['well at its only provider', [{}], 'healthy', null, 'medium'],
    ['well at two', [{}, looking], 'healthy', null, 'high'],
    ['well at two, one that never tells', [{}, looking, untold], 'healthy', null, 'high'],
    ['well at two, one out of reach', [{}, looking, silent], 'healthy', null, 'medium'],
    ['well at one, another out of reach', [{}, silent], 'healthy', null, 'medium'],
    ['well at one, old data at another', [{}, { ...stale, ...looking }], 'healthy', null, 'medium'],
    ['paused at one, well at another', [{}, paused], 'warning', 'account_paused', 'medium'],
    ['several warnings', [paused, expiring], 'warning', 'token_expiring', 'high'],
    ['old data alone', [stale], 'warning', 'data_stale', 'low'],
    ['old data, and silence', [silent, stale], 'warning', 'data_stale', 'low'],
    ['only silence', [silent, silent], 'unknown', 'provider_unreachable', 'low'],
    [
      'in the beginning',
      [{ ...silent, healthReason: 'setup_pending', healthFault: null }],
      'unknown',
      'setup_pending',
      'low',
    ],
  ])('%s', (_what, given, status, reason, confidence) => {
    const { health } = merge(...given);
    expect(health).toMatchObject({ status, reason, confidence });
    expect(health.evidence).toHaveLength(given.length);
  });

  test('names the member that is dead first', () => {
    expect(merge({}, dead, silent).health.evidence).toMatchObject([
      { account_id: 'acct_1', says: 'dead', reason: 'token_invalid', checked_at: minutesAgo(1) },
      { account_id: 'acct_0', says: 'alive', reason: null },
      { account_id: 'acct_2', says: 'unknown', reason: 'provider_unreachable' },
    ]);
  });
});

describe('whatever the members', () => {
  test('a fault of a connection, a provider or the gateway never makes a profile unhealthy', () => {
    fc.assert(
      fc.property(several, fc.nat(), (members, index) => {
        const before = mergeProfile(members, [], NOW).health.status;
        const failing = members.map((one, at) =>
          at === index % members.length ? { ...one, ...silent } : one,
        );
        if (before !== 'unhealthy')
          expect(mergeProfile(failing, [], NOW).health.status).not.toBe('unhealthy');
      }),
    );
  });

  test('while one member says that it lives, one dead grant makes no profile unhealthy', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ROLES), fc.constantFrom(...ROLES), (role, other) => {
        const { health } = merge({ ...dead, role }, { role: other });
        expect(health).toMatchObject({ status: 'warning', reason: 'grant_broken' });
      }),
    );
  });
});
