import fc from 'fast-check';
import type { Conflict } from '../../src/profiles/conflicts.js';
import type { MemberFacts } from '../../src/profiles/member-facts.js';
import { mergeProfile } from '../../src/profiles/merge.js';
import { FIGURES, MERGED_FIELDS, type MergedField } from '../../src/profiles/survivorship.js';
import { describe, expect, test } from '../support/jest.js';
import {
  dead,
  growing,
  looking,
  membersOf,
  merge,
  minutesAgo,
  NOW,
  several,
  silent,
} from './members.js';

describe('the member whose word counts', () => {
  test.each<[string, MergedField, Partial<MemberFacts>[], unknown]>([
    [
      'is a publisher before one that measures before one that grows',
      'username',
      [{ ...growing, username: 'grown' }, { ...looking, username: 'seen' }, { username: 'owned' }],
      'owned',
    ],
    [
      'is one that measures where no publisher knows',
      'is_verified',
      [{ ...growing, is_verified: false }, { ...looking, is_verified: true }, {}],
      true,
    ],
    [
      'is no publisher with a dead grant while anybody else knows',
      'display_name',
      [
        { ...dead, display_name: 'Old' },
        { ...growing, display_name: 'New' },
      ],
      'New',
    ],
    [
      'is a publisher with a dead grant where nobody else knows',
      'platform_user_id',
      [{ ...dead, platform_user_id: '178' }, growing],
      '178',
    ],
    [
      'is a publisher whose provider is out of reach: its grant may live',
      'username',
      [
        { ...silent, username: 'owned' },
        { ...looking, username: 'seen' },
      ],
      'owned',
    ],
    [
      'is the one looked at last among equals',
      'avatar_url',
      [
        { avatar_url: 'https://a.example/1', observedAt: minutesAgo(9) },
        { avatar_url: 'https://a.example/2', observedAt: minutesAgo(2) },
      ],
      'https://a.example/2',
    ],
    [
      'is not one with an empty text',
      'username',
      [{ username: '' }, { ...growing, username: 'grown' }],
      'grown',
    ],
    [
      'has the newest figure, whatever its role',
      'followers',
      [
        { followers: 100, metricsAsOf: minutesAgo(60) },
        { ...growing, followers: 120, metricsAsOf: minutesAgo(5) },
      ],
      120,
    ],
    [
      'has a figure with a time before any without one',
      'posts',
      [
        { posts: 4, metricsAsOf: null },
        { ...growing, posts: 3, metricsAsOf: minutesAgo(90_000) },
      ],
      3,
    ],
    [
      'has a figure of zero where that is the newest',
      'likes',
      [
        { likes: 0, metricsAsOf: minutesAgo(1) },
        { likes: 7, metricsAsOf: minutesAgo(2) },
      ],
      0,
    ],
    [
      'has by role a figure of the same time',
      'views',
      [
        { ...growing, views: 1, metricsAsOf: minutesAgo(1) },
        { ...looking, views: 2, metricsAsOf: minutesAgo(1) },
      ],
      2,
    ],
    [
      'tells a rate by its role, not by its age',
      'engagement_rate',
      [
        { ...growing, engagement_rate: 4, metricsAsOf: minutesAgo(1) },
        { ...looking, engagement_rate: 3, metricsAsOf: minutesAgo(99) },
      ],
      3,
    ],
  ])('%s', (_what, field, given, value) => {
    expect(merge(...given).fields[field]?.value).toBe(value);
  });

  test('is named with its value, and so are all others that know', () => {
    const { fields } = merge(
      { ...looking, followers: 5, metricsAsOf: minutesAgo(30) },
      { followers: 6, metricsAsOf: minutesAgo(20), observedAt: minutesAgo(3) },
      {},
    );
    expect(fields.followers).toEqual({
      value: 6,
      provider: 'vendor1',
      account_id: 'acct_1',
      observed_at: minutesAgo(3),
      as_of: minutesAgo(20),
      alternatives: [
        {
          value: 5,
          provider: 'vendor0',
          account_id: 'acct_0',
          observed_at: minutesAgo(1),
          as_of: minutesAgo(30),
        },
      ],
    });
  });

  test('is none where nobody knows', () => {
    expect(merge({}, {}).fields.shares).toBeNull();
  });
});

describe('a conflict', () => {
  test.each<[string, Conflict['field'][], Partial<MemberFacts>[]]>([
    [
      'is followers over 5 % and 50 apart',
      ['followers'],
      [{ followers: 1_000 }, { followers: 900 }],
    ],
    ['is not followers 5 % apart', [], [{ followers: 10_000 }, { followers: 9_500 }]],
    ['is not followers 50 apart', [], [{ followers: 60 }, { followers: 10 }]],
    ['is followers 51 apart of 60', ['followers'], [{ followers: 60 }, { followers: 9 }]],
    [
      'is between any two of several',
      ['followers'],
      [{ followers: 1_000 }, { followers: 1_001 }, { followers: 500 }],
    ],
    ['is names that differ', ['username'], [{ username: 'one' }, { username: 'other' }]],
    [
      'is not names that differ in case or form',
      [],
      [
        { username: 'Jose\u0301', display_name: 'STRASSE' },
        { username: 'jos\u00e9', display_name: 'Straße' },
      ],
    ],
    ['is titles that differ', ['display_name'], [{ display_name: 'A' }, { display_name: 'B' }]],
    [
      'is not with a value older than two intervals',
      [],
      [{ followers: 1_000 }, { followers: 10, observedAt: minutesAgo(10.1) }],
    ],
    [
      'is with a value two intervals old',
      ['followers'],
      [{ followers: 1_000 }, { followers: 10, observedAt: minutesAgo(10) }],
    ],
    ['is not with what nobody says', [], [{ followers: 1_000, username: 'one' }, {}]],
  ])('%s', (_what, fields, given) => {
    const { conflicts, differs } = merge(...given);
    expect(conflicts.map(({ field }) => field)).toEqual(fields);
    if (fields.length > 0) expect(differs).toBe(true);
  });

  test('of ids is shown where they contradict, with when both were last seen to change', () => {
    const members = membersOf(
      { platform_user_id: '1', updatedAt: minutesAgo(90) },
      { platform_user_id: '2', updatedAt: minutesAgo(30) },
      { platform_user_id: '3', updatedAt: minutesAgo(10) },
    );
    expect(mergeProfile(members, [['acct_0', 'acct_1']], NOW).conflicts).toMatchObject([
      {
        field: 'platform_user_id',
        values: [
          { value: '1', account_id: 'acct_0' },
          { value: '2', account_id: 'acct_1' },
        ],
        since: minutesAgo(30),
      },
    ]);
  });

  test('that only age hides still is a difference', () => {
    const given = [{ followers: 1_000 }, { followers: 10, observedAt: minutesAgo(99) }];
    expect(merge(...given)).toMatchObject({ conflicts: [], differs: true });
  });
});

describe('whatever the members', () => {
  test('their order changes nothing', () => {
    fc.assert(
      fc.property(
        several.chain((members) =>
          fc.tuple(
            fc.constant(members),
            fc.shuffledSubarray(members, { minLength: members.length }),
          ),
        ),
        ([members, shuffled]) =>
          expect(mergeProfile(shuffled, [], NOW)).toEqual(mergeProfile(members, [], NOW)),
      ),
    );
  });

  test('each value is what the named member says, and never nothing while one says something', () => {
    fc.assert(
      fc.property(several, (members) => {
        const { fields } = mergeProfile(members, [], NOW);
        for (const field of MERGED_FIELDS) {
          const merged = fields[field];
          const known = members.filter((one) => one[field] !== null && one[field] !== '');
          if (merged === null) {
            expect(known).toEqual([]);
            continue;
          }
          const { alternatives, ...first } = merged;
          const told = [first, ...alternatives];
          expect(told.map(({ account_id }) => account_id).sort()).toEqual(
            known.map(({ id }) => id).sort(),
          );
          for (const { value, provider, account_id, observed_at, as_of } of told) {
            const member = members.find(({ id }) => id === account_id);
            expect({ value, provider, observed_at }).toEqual({
              value: member?.[field],
              provider: member?.provider,
              observed_at: member?.observedAt,
            });
            expect(as_of).toEqual(FIGURES.has(field) ? member?.metricsAsOf : undefined);
          }
        }
      }),
    );
  });
});
