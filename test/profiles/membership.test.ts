import type { MemberFacts } from '../../src/profiles/member-facts.js';
import { membershipsOf } from '../../src/profiles/membership.js';
import type { HeldConstraint } from '../../src/profiles/neighbours.repository.js';
import type { FormerMember } from '../../src/profiles/profiles.repository.js';
import { describe, expect, test } from '../support/jest.js';
import { membersOf, minutesAgo, NOW } from './members.js';

/** Long enough to be one person's wherever it is seen. */
const ID = '17841400123456789';
const handle = { username: 'harbor.kitchen' };

const tiesOf = (
  given: Partial<MemberFacts>[],
  former: readonly FormerMember[] = [],
  constraints: readonly HeldConstraint[] = [],
) => [...membershipsOf(membersOf(...given), former, constraints, () => 'app', NOW).of.values()];

describe('a member of a profile', () => {
  test('that is alone is tied by nothing', () => {
    expect(tiesOf([handle])).toMatchObject([
      { match: 'none', rule: 'alone', linkedTo: null, evidence: [], isStale: false },
    ]);
  });

  test('is tied by an equal id, which both sides show', () => {
    const shown = { field: 'platform_user_id', value: ID, observed_at: minutesAgo(1) };
    const [one, other] = tiesOf([{ platform_user_id: ID }, { platform_user_id: ID }]);
    expect(one).toMatchObject({ match: 'strong', rule: 'same_id', linkedTo: 'acct_1' });
    expect(other?.evidence).toEqual([
      { ...shown, account_id: 'acct_1' },
      { ...shown, account_id: 'acct_0' },
    ]);
  });

  test('is tied by an equal handle in any case, with ids that cannot be compared beside it', () => {
    const [core, weak] = tiesOf([
      { ...handle, platform_user_id: 'open-1' },
      { username: 'Harbor.Kitchen', platform_user_id: 'open-2' },
    ]);
    expect(core).toMatchObject({ match: 'strong', rule: 'own_id', linkedTo: null });
    expect(weak).toMatchObject({ match: 'weak', rule: 'same_handle', linkedTo: 'acct_0' });
    expect(weak?.evidence.map(({ field, value }) => [field, value])).toEqual([
      ['username', 'Harbor.Kitchen'],
      ['username', 'harbor.kitchen'],
      ['platform_user_id', 'open-2'],
      ['platform_user_id', 'open-1'],
    ]);
  });

  test.each<[string, Partial<MemberFacts>, Partial<MemberFacts>, boolean[]]>([
    ['not while both sides were seen lately', {}, { observedAt: minutesAgo(15) }, [false, false]],
    ['once its own side is too old', {}, { observedAt: minutesAgo(15.1) }, [true, true]],
    ['once the other side is too old', { observedAt: minutesAgo(15.1) }, {}, [true, true]],
    [
      'never where an id ties it',
      { platform_user_id: ID, observedAt: minutesAgo(99) },
      { platform_user_id: ID },
      [false, false],
    ],
    [
      'by the interval of each side',
      { observedAt: minutesAgo(16), intervalSeconds: 3_600 },
      {},
      [false, false],
    ],
  ])('is stale: %s', (_when, one, other, stale) => {
    const ties = tiesOf([
      { ...handle, ...one },
      { ...handle, ...other },
    ]);
    expect(ties.map(({ isStale }) => isStale)).toEqual(stale);
  });

  test('is tied by a person, whose choice it names', () => {
    const name = (index: number) => ({ provider: `vendor${index}`, providerAccountId: '1' });
    const constraint: HeldConstraint = {
      number: 7n,
      kind: 'must_link',
      one: name(1),
      other: name(0),
      createdAt: minutesAgo(40),
    };
    const [one] = tiesOf([{ username: 'one' }, { username: 'other' }], [], [constraint]);
    expect(one).toMatchObject({
      match: 'manual',
      rule: 'manual',
      evidence: [
        {
          account_id: 'acct_0',
          field: 'must_link',
          value: 'acct_1',
          observed_at: minutesAgo(40),
        },
      ],
    });
  });

  test('is tied by the id that a former account lends to its profile', () => {
    const former: FormerMember = {
      id: 'acct_',
      profileId: 'prof_',
      provider: 'vendor0',
      providerAccountId: 'old',
      platform: 'instagram',
      platformUserId: ID,
    };
    const { groups } = membershipsOf(
      membersOf({ platform_user_id: ID }),
      [former],
      [],
      () => 'app',
      NOW,
    );
    expect(groups.map(({ id }) => id)).toEqual(['prof_']);
  });

  test('on a platform that is not known shares nothing', () => {
    const unknown = { ...handle, platform: 'unknown' };
    expect(tiesOf([unknown, unknown]).map(({ rule }) => rule)).toEqual(['alone', 'alone']);
  });
});
