import fc from 'fast-check';
import type { NewEvent } from '../../src/events/index.js';
import { type ProfileAccount, partition } from '../../src/profiles/partition.js';
import { tellChanges } from '../../src/profiles/profile-changes.js';
import { describe, expect, test } from '../support/jest.js';
import { account, ageOf, identified } from './accounts.js';

/** The story of accounts that become others, and the profiles that they were shown in. */
function tell(
  before: readonly ProfileAccount[],
  after: readonly ProfileAccount[],
  { isManual = false } = {},
) {
  const was = partition(before, []);
  const groups = partition(after, []);
  const shownBefore = new Map(
    was.flatMap(({ id, members }) => members.map((member) => [member.accountId, id] as const)),
  );
  const ids = new Set(groups.map(({ id }) => id));
  const gone = was.map(({ id }) => id).filter((id) => !ids.has(id));
  const accounts = new Map(
    after.map((one) => [
      one.id,
      {
        ...one,
        platform: 'instagram',
        username: one.handle,
        profileId: shownBefore.get(one.id) ?? null,
      },
    ]),
  );
  return { shownBefore, story: tellChanges({ groups, accounts, shownBefore, gone, isManual }) };
}

/** What of it is told, in short. */
function told(...change: Parameters<typeof tell>) {
  const { events, entries, redirects } = tell(...change).story;
  return {
    events: events.map(({ type, data }) => {
      const facts = data as Record<string, string> & { accounts: { id: string }[] };
      const { profile_id = '', merged_into, new_profile_id, rule, cause, accounts } = facts;
      const to = merged_into ?? new_profile_id;
      const why = rule ?? cause;
      return [
        ...[type, ageOf(profile_id)],
        ...(to ? [ageOf(to)] : []),
        ...(why ? [why] : []),
        ...accounts.map(({ id }) => ageOf(id)),
      ].join(' ');
    }),
    redirects: redirects.map(({ id, mergedInto }) => [ageOf(id), ageOf(mergedInto)]),
    entries: entries.map(({ profileId: id, action, rule }) => `${action} ${ageOf(id)} ${rule}`),
  };
}

interface Facts {
  readonly profile_id: string;
  readonly accounts: readonly { readonly id: string }[];
  readonly linked_to?: { readonly id: string };
  readonly new_profile_id?: string;
  readonly merged_into?: string;
}

/** Who keeps profiles by the events alone. @returns the profile of each account */
function followed(shownBefore: ReadonlyMap<string, string>, events: readonly NewEvent[]) {
  const held = new Map(shownBefore);
  for (const { type, data } of events) {
    const { profile_id: id, accounts, linked_to, new_profile_id, merged_into } = data as Facts;
    const to = new_profile_id ?? merged_into ?? id;
    if (linked_to) expect([type, held.get(linked_to.id)]).toEqual([type, id]);
    else
      for (const { id: account } of accounts) expect([type, held.get(account)]).toEqual([type, id]);
    if (merged_into) for (const [account, from] of held) if (from === id) held.set(account, to);
    for (const { id: account } of accounts) held.set(account, to);
  }
  return held;
}

describe('events', () => {
  const ages = [1, 2, 3, 4, 5, 6];
  const state = fc.tuple(
    ...ages.map((age) =>
      fc
        .record({
          platformUserId: fc.constantFrom(null, 'A', 'B'),
          handle: fc.constantFrom('pine', 'dune', null),
        })
        .map((parts) => identified(age, '', parts)),
    ),
  );
  test('lead from the profiles that were to those that are, one after the other', () => {
    fc.assert(
      fc.property(state, state, (before, after) => {
        const { shownBefore, story } = tell(before, after);
        const wanted = partition(after, []).flatMap(({ id, members }) =>
          members.map((member) => [member.accountId, id] as const),
        );
        expect(followed(shownBefore, story.events)).toEqual(new Map(wanted));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe('a new account', () => {
  test('is linked to the profile whose handle it has', () => {
    expect(told([identified(1, 'A')], [identified(1, 'A'), account(2)])).toEqual({
      events: ['profile.linked 1 same_handle 2'],
      redirects: [],
      entries: ['linked 1 same_handle'],
    });
  });

  test('that nothing ties to others tells nothing', () => {
    const alone = account(2, { handle: 'pine' });
    expect(told([account(1)], [account(1), alone])).toEqual({
      events: [],
      redirects: [],
      entries: [],
    });
  });

  test('that joins two profiles has the younger one merged into the older', () => {
    const id = '17841400000000001';
    const [older, younger] = [account(1), identified(2, id, { handle: 'pine' })];
    expect(told([older, younger], [older, younger, identified(3, id)]).redirects).toEqual([[2, 1]]);
  });
});

describe('an account', () => {
  test('whose handle went to somebody else is split off: handle_reassigned', () => {
    const before = [identified(1, 'A'), account(2)];
    expect(told(before, [identified(1, 'A', { handle: 'pine' }), account(2)])).toEqual({
      events: ['profile.split 1 2 handle_reassigned 2'],
      redirects: [],
      entries: ['split 1 handle_reassigned', 'split 2 handle_reassigned'],
    });
  });

  test('that fits two profiles now leaves the one that it was in', () => {
    const before = [identified(1, 'A'), account(2)];
    expect(told(before, [...before, identified(3, 'B')]).events).toEqual([
      'profile.split 1 2 ambiguous 2',
    ]);
  });

  test('whose id became another is split off: id_changed', () => {
    const id = '17841400000000001';
    const before = [identified(1, id), identified(2, id, { provider: 'octopost' })];
    const after = [identified(1, id), identified(2, 'B', { provider: 'octopost' })];
    expect(told(before, after).events).toEqual(['profile.split 1 2 id_changed 2']);
  });

  test('that a person moved is told as manual', () => {
    const before = [identified(1, 'A'), account(2)];
    const after = [identified(1, 'A', { handle: 'pine' }), account(2)];
    expect(told(before, after, { isManual: true }).events).toEqual(['profile.split 1 2 manual 2']);
  });
});

describe('a profile', () => {
  test('whose oldest account is disconnected goes on under the id of the next', () => {
    const others = [account(2), account(3)];
    expect(told([account(1), ...others], [account(1, { isLive: false }), ...others])).toEqual({
      events: ['profile.merged 1 2 2 3'],
      redirects: [[1, 2]],
      entries: ['merged 2 same_handle'],
    });
  });

  test('keeps its id where an equal id ties the disconnected account to it', () => {
    const id = '17841400000000001';
    const rest = identified(2, id, { provider: 'octopost' });
    const before = [identified(1, id), rest];
    expect(told(before, [identified(1, id, { isLive: false }), rest])).toEqual({
      events: [],
      redirects: [],
      entries: [],
    });
  });

  test('that is gone leads to the one with its oldest account: former ids never form a chain', () => {
    const id = '17841400000000001';
    const [one, two, three] = [1, 2, 3].map((age) => identified(age, id, { handle: `h${age}` }));
    const apart = [1, 2, 3].map((age) => identified(age, `${age}`, { handle: `h${age}` }));
    if (!one || !two || !three) throw new Error('there are three');
    expect(told(apart, [one, two, three]).redirects).toEqual([
      [2, 1],
      [3, 1],
    ]);
  });
});
