import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { profileIdOf } from '../../src/lib/ids.js';
import {
  type ProfileAccount,
  type ProfileConstraint,
  type ProfileGroup,
  partition,
} from '../../src/profiles/partition.js';
import { describe, expect, test } from '../support/jest.js';
import { teams } from './history.js';
import { Reference } from './reference-partition.js';

/**
 * The same histories at each run, so that a change is judged by itself; other seeds look further.
 */
const SEED = Number(process.env.PROFILES_SEED ?? 1);
const HISTORIES = Number(process.env.PROFILES_HISTORIES ?? 10_000);
/** Those of the properties that do without the reference. */
const FEWER = HISTORIES / 5;
/** Low enough that values are often those of too many. */
const maxShareds = fc.constantFrom(2, 3, 500);

/** A shuffle that depends on the seed alone. */
const shuffled = <Item>(items: readonly Item[], seed: number): Item[] =>
  fc.sample(fc.shuffledSubarray([...items], { minLength: items.length }), {
    seed,
    numRuns: 1,
  })[0] ?? [];

const expectEqual = (got: unknown, expected: unknown) => {
  // Comparing is what takes the time; telling what differs is for those that do.
  if (!isDeepStrictEqual(got, expected)) expect(got).toEqual(expected);
};

/** What must be frequent among the histories, or they show little. */
const KINDS: Readonly<Record<string, (group: ProfileGroup) => boolean>> = {
  'of one account': ({ match }) => match === 'none',
  strong: ({ match }) => match === 'strong',
  weak: ({ match }) => match === 'weak',
  manual: ({ match }) => match === 'manual',
  mixed: ({ match }) => match === 'mixed',
  'of four and more': ({ members }) => members.length > 3,
  'with candidates': ({ candidates }) => candidates.length > 0,
  'with contradictions': ({ contradictions }) => contradictions.length > 0,
  'named after a disconnected account': ({ id, members }) =>
    members.every(({ accountId }) => profileIdOf(accountId) !== id),
  'with a weak cluster of several': ({ members }) =>
    members.some(({ match, rule }) => match === 'weak' && rule !== 'same_handle'),
};

describe(`${HISTORIES} histories (seed ${SEED})`, () => {
  test('give the profiles of the definition', () => {
    const counts = new Map(Object.keys(KINDS).map((kind) => [kind, 0]));
    let brokenChains = 0;
    fc.assert(
      fc.property(teams, maxShareds, ({ accounts, constraints }, maxShared) => {
        const groups = partition(accounts, constraints, maxShared);
        const reference = new Reference(accounts, constraints, maxShared);
        expectEqual(groups, reference.groups());
        for (const [kind, is] of Object.entries(KINDS))
          if (groups.some(is)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
        if (reference.hasBrokenChain) brokenChains += 1;
      }),
      { seed: SEED, numRuns: HISTORIES },
    );
    const rare = [...counts, ['in a broken chain', brokenChains] as const].filter(
      ([, count]) => count < HISTORIES / 100,
    );
    expect(rare).toEqual([]);
  });
});

describe(`${FEWER} histories (seed ${SEED})`, () => {
  const holds = (
    property: (
      team: {
        readonly accounts: readonly ProfileAccount[];
        readonly constraints: readonly ProfileConstraint[];
      },
      maxShared: number,
      seed: number,
    ) => void,
  ) =>
    fc.assert(fc.property(teams, maxShareds, fc.nat(), property), { seed: SEED, numRuns: FEWER });

  test('the order of the accounts, of the sides and of every cannot_link says nothing', () => {
    holds(({ accounts, constraints }, maxShared, seed) => {
      const mustLinks = constraints.filter(({ kind }) => kind === 'must_link');
      const cannotLinks = constraints.filter(({ kind }) => kind === 'cannot_link');
      const reordered = [...mustLinks, ...shuffled(cannotLinks, seed)].map(
        ({ kind, one, other }) => ({ kind, one: other, other: one }),
      );
      expectEqual(
        partition(shuffled(accounts, seed), reordered, maxShared),
        partition(accounts, constraints, maxShared),
      );
    });
  });

  test('each live account is in one profile, which is named after an account of its own', () => {
    holds(({ accounts, constraints }, maxShared) => {
      const groups = partition(accounts, constraints, maxShared);
      const members = groups.flatMap((group) => group.members.map(({ accountId }) => accountId));
      const live = accounts.filter(({ isLive }) => isLive).map(({ id }) => id);
      expectEqual(members.toSorted(), live);
      expectEqual(new Set(groups.map(({ id }) => id)).size, groups.length);
      const ids = new Set(groups.map(({ id }) => id));
      for (const { id, candidates, members: its } of groups) {
        expectEqual(id <= profileIdOf(its[0]?.accountId ?? ''), true);
        const areOthers = candidates.every((other) => other !== id && ids.has(other));
        expectEqual(areOthers, true);
      }
    });
  });

  test('no profile holds accounts that contradict each other or are kept apart, unless by hand', () => {
    let byHand = 0;
    holds(({ accounts, constraints }, maxShared) => {
      const facts = new Reference(accounts, constraints, maxShared);
      for (const { members, contradictions } of partition(accounts, constraints, maxShared)) {
        const its = accounts.filter(({ id }) => members.some(({ accountId }) => accountId === id));
        for (const a of its)
          for (const b of its) {
            expectEqual(a !== b && facts.cannotLink(a, b), false);
            if (!facts.contradict(a, b)) continue;
            byHand += 1;
            expectEqual(reachable([a], accounts, facts.isTie).includes(b), true);
            // Both ids are shown to be in question, if not by this pair.
            const inQuestion = contradictions
              .flat()
              .flatMap((id) => accounts.filter((x) => x.id === id));
            expectEqual(
              [a, b].every(({ platformUserId }) =>
                inQuestion.some((shown) => shown.platformUserId === platformUserId),
              ),
              true,
            );
          }
      }
    });
    expect(byHand).toBeGreaterThan(0);
  });

  test('each link is what its rule says', () => {
    holds(({ accounts, constraints }, maxShared) => {
      const facts = new Reference(accounts, constraints, maxShared);
      const account = (id: string | null) => accounts.find((each) => each.id === id);
      for (const { members } of partition(accounts, constraints, maxShared))
        for (const { accountId, rule, linkedTo } of members) {
          const [from, to] = [account(accountId), account(linkedTo)];
          const holdsFor = {
            same_id: facts.haveSameId,
            same_handle: facts.shareHandle,
            manual: facts.mustLink,
            own_id: () => false,
            alone: () => false,
          }[rule];
          const isTrue = from !== undefined && to !== undefined && holdsFor(from, to);
          expectEqual(isTrue, rule !== 'own_id' && rule !== 'alone');
          expectEqual(to === undefined, linkedTo === null);
        }
    });
  });

  test('a profile is the same when it is decided on alone, with its disconnected accounts', () => {
    holds(({ accounts, constraints }) => {
      const facts = new Reference(accounts, constraints, accounts.length);
      for (const group of partition(accounts, constraints)) {
        const live = accounts.filter(({ id }) => group.members.some((m) => m.accountId === id));
        const alone = new Set(live.flatMap((account) => facts.cluster(account)));
        expectEqual(partition([...alone], constraints), [{ ...group, candidates: [] }]);
      }
    });
  });

  test('an account depends on those that it reaches by equal ids, handles and must_links', () => {
    let parts = 0;
    holds(({ accounts, constraints }, maxShared, seed) => {
      const facts = new Reference(accounts, constraints, maxShared);
      const touched = shuffled(accounts, seed).slice(0, 1 + (seed % 2));
      const closed = reachable(
        touched,
        accounts,
        (a, b) => facts.isTie(a, b) || facts.shareHandle(a, b),
      );
      // Of each of their values so many as show whether too many have it.
      const live = shuffled(accounts, seed + 1).filter(({ isLive }) => isLive);
      const witnesses = closed.flatMap((account) => [
        ...live
          .filter(({ platformUserId }) => platformUserId === account.platformUserId)
          .slice(0, maxShared + 1),
        ...live.filter(({ handle }) => handle === account.handle).slice(0, maxShared + 1),
      ]);
      const loaded = [...new Set([...closed, ...witnesses])];
      if (loaded.length < accounts.length) parts += 1;
      const ofClosed = ({ members }: ProfileGroup) =>
        closed.some(({ id }) => members.some(({ accountId }) => accountId === id));
      expectEqual(
        partition(loaded, constraints, maxShared).filter(ofClosed),
        partition(accounts, constraints, maxShared).filter(ofClosed),
      );
    });
    expect(parts).toBeGreaterThan(FEWER / 3);
  });
});

/** The accounts that a relation leads to from some, in any number of steps. */
function reachable(
  from: readonly ProfileAccount[],
  accounts: readonly ProfileAccount[],
  leads: (a: ProfileAccount, b: ProfileAccount) => boolean,
): readonly ProfileAccount[] {
  const reached = new Set(from);
  for (const account of reached)
    for (const other of accounts) if (leads(account, other)) reached.add(other);
  return [...reached];
}
