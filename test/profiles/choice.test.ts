import fc from 'fast-check';
import { nameOf, split } from '../../src/profiles/choice.js';
import type { HeldAccount } from '../../src/profiles/neighbours.repository.js';
import {
  type ProfileAccount,
  type ProfileConstraint,
  partition,
} from '../../src/profiles/partition.js';
import { describe, expect, test } from '../support/jest.js';
import { identified, mustLink, account as of } from './accounts.js';
import { teams } from './history.js';

const RUNS = Number(process.env.PROFILES_HISTORIES ?? 10_000) / 5;

/** Accounts with the profiles that they make up, as a choice is given them. */
function surroundings(
  accounts: readonly ProfileAccount[],
  constraints: readonly ProfileConstraint[],
) {
  const groups = partition(accounts, constraints);
  const profiles = new Map(
    groups.flatMap(({ id, members }) => members.map((member) => [member.accountId, id] as const)),
  );
  const held = accounts.map((account): HeldAccount => {
    const profileId = profiles.get(account.id) ?? null;
    return { ...account, platform: 'instagram', username: account.handle, profileId };
  });
  return { accounts: new Map(held.map((one) => [one.id, one])), constraints, groups };
}
type Near = ReturnType<typeof surroundings>;

const decideAmong =
  (accounts: readonly ProfileAccount[]) =>
  ({ constraints }: { readonly constraints: readonly ProfileConstraint[] }) =>
    partition(accounts, constraints);

/** The constraints after a choice, newest first. */
function after(near: Near, { added, removed }: ReturnType<typeof split>) {
  const key = ({ one, other }: ProfileConstraint) => [nameOf(one), nameOf(other)].sort().join('\n');
  const replaced = new Set([...added, ...removed].map(key));
  return [...added.toReversed(), ...near.constraints.filter((held) => !replaced.has(key(held)))];
}

/** Splits accounts off their profile. @returns the names in the profiles that they are in then */
function splitOff(
  accounts: readonly ProfileAccount[],
  constraints: readonly ProfileConstraint[],
  leaving: readonly string[],
) {
  const near = surroundings(accounts, constraints);
  const home = near.accounts.get(leaving[0] ?? '')?.profileId;
  const members = [...near.accounts.values()].filter(({ profileId }) => profileId === home);
  const names = new Set(members.filter(({ id }) => leaving.includes(id)).map(nameOf));
  const [leavers, stayers] = [true, false].map((leaves) =>
    members.filter((account) => names.has(nameOf(account)) === leaves),
  );
  const changed = after(near, split(near, leavers ?? [], stayers ?? [], decideAmong(accounts)));
  const groups = partition(accounts, changed)
    .filter((group) => group.members.some((member) => leaving.includes(member.accountId)))
    .map((group) =>
      group.members.flatMap((member) => {
        const account = near.accounts.get(member.accountId);
        return account ? [nameOf(account)] : [];
      }),
    );
  return { changed, groups, names };
}

describe('accounts that a person takes out of their profile', () => {
  test('are with no others, whatever else fits them, also once they are taken out again', () => {
    fc.assert(
      fc.property(teams, fc.nat(), ({ accounts, constraints }, which) => {
        const groups = partition(accounts, constraints).filter(({ members }) => members.length > 1);
        const group = groups[which % Math.max(1, groups.length)];
        fc.pre(group !== undefined);
        const leaving = group.members.slice(0, 1 + (which % (group.members.length - 1)));
        const ids = leaving.map((member) => member.accountId);
        const { changed, groups: theirs, names } = splitOff(accounts, constraints, ids);
        expect(new Set(theirs.flat())).toEqual(names);
        expect(new Set(splitOff(accounts, changed, ids).groups.flat())).toEqual(names);
      }),
      { seed: 1, numRuns: RUNS },
    );
  });

  test('are not joined by an account that the rest had kept away', () => {
    const [owner, moved, other] = [
      identified(1, '17841400000000001', { handle: 'pine' }),
      of(2, { handle: 'dune' }),
      identified(3, '17841400000000003', { handle: 'dune', provider: 'octopost' }),
    ] as const;
    const byHand = [mustLink(owner, moved)];
    expect(splitOff([owner, moved, other], byHand, [moved.id]).groups).toEqual([[nameOf(moved)]]);
  });
});
