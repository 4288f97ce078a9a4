import type { HeldAccount } from './neighbours.repository.js';
import type { AccountName, ProfileConstraint, ProfileGroup } from './partition.js';
import type { Surroundings } from './profile-keeper.js';

/** What a choice does to the constraints between accounts. */
export interface ConstraintChanges {
  /** Those further down are newer. */
  readonly added: readonly ProfileConstraint[];
  readonly removed: readonly ProfileConstraint[];
}

/** The profiles that accounts make up under other constraints. */
type Decide = (near: Pick<Surroundings, 'accounts' | 'constraints'>) => readonly ProfileGroup[];

/** `provider:account`. A provider's name has no colon. */
export const nameOf = ({ provider, providerAccountId }: AccountName) =>
  `${provider}:${providerAccountId}`;

/** The same whichever of the two comes first. */
export const pairOf = ({ one, other }: Pick<ProfileConstraint, 'one' | 'other'>) =>
  JSON.stringify(inOrder(one, other).map(nameOf));

/** The lesser in byte order first. */
export function inOrder(one: AccountName, other: AccountName): [AccountName, AccountName] {
  const order = Buffer.compare(Buffer.from(nameOf(one)), Buffer.from(nameOf(other)));
  return order <= 0 ? [one, other] : [other, one];
}

/**
 * Moves accounts of one name to a profile and ties them to it, and to nothing that they leave.
 * @param movers have one name
 * @param target the accounts of the profile, disconnected ones too
 * @param left those of the profile that they leave
 */
export function link(
  near: Surroundings,
  movers: readonly HeldAccount[],
  target: readonly HeldAccount[],
  left: readonly HeldAccount[],
  decide: Decide,
): ConstraintChanges {
  const own = namesOf(movers);
  const others = target.filter((account) => !own.has(nameOf(account)));
  const anchor = anchorOf(near.groups, others);
  const [mover] = movers;
  if (anchor === undefined || mover === undefined) return NOTHING;
  const theirs = namesOf(others);
  const changes = {
    removed: near.constraints.filter(({ kind, one, other }) =>
      isBetween(own, theirs, one, other)
        ? kind === 'cannot_link'
        : kind === 'must_link' && (own.has(nameOf(one)) || own.has(nameOf(other))),
    ),
    added: [
      ...pairs(
        [mover],
        left.filter((account) => !theirs.has(nameOf(account))),
      ).map(cannotLink),
      mustLink(mover, anchor),
    ],
  };
  const moved = keepTogether(near, changes, anchor, [...movers, ...others], decide);
  return keepRest(near, moved, left, decide);
}

/**
 * Takes accounts out of their profile: they stay together, and are joined by no others that they
 * fit. @param stayers disconnected ones too
 */
export function split(
  near: Surroundings,
  leavers: readonly HeldAccount[],
  stayers: readonly HeldAccount[],
  decide: Decide,
): ConstraintChanges {
  const [leaving, staying] = [namesOf(leavers), namesOf(stayers)];
  const changes = {
    removed: near.constraints.filter(
      ({ kind, one, other }) => kind === 'must_link' && isBetween(leaving, staying, one, other),
    ),
    added: pairs(leavers, stayers).map(cannotLink),
  };
  const anchor = anchorOf(near.groups, leavers);
  if (anchor === undefined) return changes;
  const together = keepTogether(near, changes, anchor, leavers, decide);
  const rest = keepRest(near, together, stayers, decide);
  return keepApart(near, rest, leavers, decide);
}

/** Makes two profiles one. Of both the accounts, disconnected ones too. */
export function merge(
  near: Surroundings,
  some: readonly HeldAccount[],
  others: readonly HeldAccount[],
  decide: Decide,
): ConstraintChanges {
  const [one, other] = [anchorOf(near.groups, some), anchorOf(near.groups, others)];
  if (one === undefined || other === undefined) return NOTHING;
  const [ours, theirs] = [namesOf(some), namesOf(others)];
  const changes = {
    removed: near.constraints.filter(
      (constraint) =>
        constraint.kind === 'cannot_link' &&
        isBetween(ours, theirs, constraint.one, constraint.other),
    ),
    added: [mustLink(one, other)],
  };
  return keepTogether(near, changes, one, [...some, ...others], decide);
}

/** Leaves accounts of one name to what ids and handles say. */
export function release(near: Surroundings, accounts: readonly HeldAccount[]): ConstraintChanges {
  const own = namesOf(accounts);
  return {
    removed: near.constraints.filter(
      ({ one, other }) => own.has(nameOf(one)) || own.has(nameOf(other)),
    ),
    added: [],
  };
}

const NOTHING: ConstraintChanges = { added: [], removed: [] };

const mustLink = (one: AccountName, other: AccountName): ProfileConstraint => ({
  kind: 'must_link',
  one,
  other,
});
const cannotLink = ([one, other]: readonly [AccountName, AccountName]): ProfileConstraint => ({
  kind: 'cannot_link',
  one,
  other,
});

const namesOf = (accounts: readonly HeldAccount[]) => new Set(accounts.map(nameOf));

/** Each name of the one side with each of the other. */
function pairs(some: readonly HeldAccount[], others: readonly HeldAccount[]) {
  const once = (accounts: readonly HeldAccount[]) => [
    ...new Map(accounts.map((account) => [nameOf(account), account])).values(),
  ];
  return once(some).flatMap((one) =>
    once(others).flatMap((other) => (nameOf(one) === nameOf(other) ? [] : [[one, other] as const])),
  );
}

function isBetween(
  some: ReadonlySet<string>,
  others: ReadonlySet<string>,
  one: AccountName,
  other: AccountName,
): boolean {
  const [first, second] = [nameOf(one), nameOf(other)];
  return (some.has(first) && others.has(second)) || (some.has(second) && others.has(first));
}

/**
 * The account that others are tied to by hand: the oldest live one that more than a handle ties to
 * its profile, as the handle may change; else the oldest live one.
 */
function anchorOf(
  groups: readonly ProfileGroup[],
  accounts: readonly HeldAccount[],
): HeldAccount | undefined {
  const live = accounts.filter(({ isLive }) => isLive).sort((a, b) => (a.id < b.id ? -1 : 1));
  const weak = weakIn(groups);
  return live.find(({ id }) => !weak.has(id)) ?? live[0];
}

/** The accounts that nothing but a handle ties to their profile. */
const weakIn = (groups: readonly ProfileGroup[]): ReadonlySet<string> =>
  new Set(
    groups.flatMap(({ members }) =>
      members.flatMap(({ accountId, match }) => (match === 'weak' ? [accountId] : [])),
    ),
  );

/**
 * Keeps what others leave together, although they were what tied it: people or ids had it be one.
 * Nobody has said so of an account that a handle alone tied to those that leave.
 */
function keepRest(
  near: Surroundings,
  changes: ConstraintChanges,
  rest: readonly HeldAccount[],
  decide: Decide,
): ConstraintChanges {
  const anchor = anchorOf(near.groups, rest);
  const weak = weakIn(near.groups);
  const tied = rest.filter(({ id }) => !weak.has(id));
  return anchor === undefined ? changes : keepTogether(near, changes, anchor, tied, decide);
}

/** Ties those of the accounts to the anchor that would not be in its profile otherwise. */
function keepTogether(
  near: Surroundings,
  changes: ConstraintChanges,
  anchor: HeldAccount,
  accounts: readonly HeldAccount[],
  decide: Decide,
): ConstraintChanges {
  const live = new Set(accounts.flatMap(({ id, isLive }) => (isLive ? [id] : [])));
  const tied = new Set(changes.added.map(pairOf));
  let result = changes;
  for (;;) {
    const groups = decide({
      accounts: near.accounts,
      constraints: changedBy(near.constraints, result),
    });
    const ties = groups.flatMap(({ members }) => {
      if (members.some(({ accountId }) => accountId === anchor.id)) return [];
      const strayed = members.find(({ accountId }) => live.has(accountId));
      const account = strayed && near.accounts.get(strayed.accountId);
      const tie = account && mustLink(account, anchor);
      return tie && nameOf(tie.one) !== nameOf(tie.other) && !tied.has(pairOf(tie)) ? [tie] : [];
    });
    if (ties.length === 0) return result;
    for (const tie of ties) tied.add(pairOf(tie));
    result = { ...result, added: [...result.added, ...ties] };
  }
}

/** Keeps all others out of the profiles that the accounts are in. */
function keepApart(
  near: Surroundings,
  changes: ConstraintChanges,
  accounts: readonly HeldAccount[],
  decide: Decide,
): ConstraintChanges {
  const own = namesOf(accounts);
  const kept = new Set(changes.added.map(pairOf));
  let result = changes;
  for (;;) {
    const constraints = changedBy(near.constraints, result);
    const groups = decide({ accounts: near.accounts, constraints });
    const others = groups
      .map(({ members }) => members.flatMap((one) => near.accounts.get(one.accountId) ?? []))
      .filter((members) => members.some((account) => own.has(nameOf(account))))
      .flatMap((members) => members.filter((account) => !own.has(nameOf(account))));
    const added = pairs(accounts, others)
      .map(cannotLink)
      .filter((pair) => !kept.has(pairOf(pair)));
    if (added.length === 0) return result;
    for (const pair of added) kept.add(pairOf(pair));
    const theirs = namesOf(others);
    const removed = near.constraints.filter(
      ({ kind, one, other }) => kind === 'must_link' && isBetween(own, theirs, one, other),
    );
    result = {
      removed: [...new Set([...result.removed, ...removed])],
      added: [...result.added, ...added],
    };
  }
}

/** The constraints after changes, newest first. */
function changedBy(
  constraints: readonly ProfileConstraint[],
  { added, removed }: ConstraintChanges,
): ProfileConstraint[] {
  const replaced = new Set([...added, ...removed].map(pairOf));
  return [...added.toReversed(), ...constraints.filter((held) => !replaced.has(pairOf(held)))];
}
