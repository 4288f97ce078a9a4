import { type FieldError, firstErrors, Problem } from '../http/problem.js';
import type { IdScope } from '../model/index.js';
import type { HeldAccount } from './neighbours.repository.js';
import { matchableId, type ProfileGroup } from './partition.js';
import type { Surroundings } from './profile-keeper.js';

/** How accounts were arranged into profiles before and after a choice. */
export interface Rearrangement {
  readonly before: readonly ProfileGroup[];
  readonly after: readonly ProfileGroup[];
  readonly moved: readonly {
    readonly account: HeldAccount;
    readonly from: string;
    readonly to: string;
  }[];
}

/** The profiles of these accounts, of those that a choice moved, and of all beside them. */
export function rearranged(
  before: Surroundings,
  after: Surroundings,
  concerned: readonly string[],
): Rearrangement {
  const [were, are] = [profilesByAccount(before.groups), profilesByAccount(after.groups)];
  const moved = [...are].flatMap(([id, to]) => {
    const [from, account] = [were.get(id), after.accounts.get(id)];
    return from === undefined || from === to || account === undefined
      ? []
      : [{ account, from, to }];
  });
  const ids = [...concerned, ...moved.map(({ account }) => account.id)];
  const groups = [...before.groups, ...after.groups].filter(holdsOneOf(new Set(ids)));
  const holdsOne = holdsOneOf(
    new Set(groups.flatMap(({ members }) => members.map(({ accountId }) => accountId))),
  );
  return { before: before.groups.filter(holdsOne), after: after.groups.filter(holdsOne), moved };
}

const holdsOneOf =
  (ids: ReadonlySet<string>) =>
  ({ members }: ProfileGroup) =>
    members.some(({ accountId }) => ids.has(accountId));

/** The profile's id by the account's id. */
export function profilesByAccount(groups: readonly ProfileGroup[]): ReadonlyMap<string, string> {
  return new Map(
    groups.flatMap(({ id, members }) => members.map(({ accountId }) => [accountId, id] as const)),
  );
}

/** Refuses to join accounts whose comparable ids differ. @throws Problem 409 naming both values */
export function refuseContradictions(
  some: readonly HeldAccount[],
  others: readonly HeldAccount[],
  idScopeOf: (provider: string, platform: string) => IdScope,
): void {
  const isGlobal = ({ provider, platform }: HeldAccount) =>
    idScopeOf(provider, platform) === 'global';
  const withIds = (accounts: readonly HeldAccount[]) =>
    accounts.filter(({ isLive, platformUserId }) => isLive && matchableId(platformUserId) !== null);
  const theirs = withIds(others);
  const errors: FieldError[] = withIds(some).flatMap((one) =>
    theirs.flatMap((other) => {
      const areComparable = one.provider === other.provider || (isGlobal(one) && isGlobal(other));
      if (!areComparable || one.platformUserId === other.platformUserId) return [];
      const message = `${shown(one)} contradicts ${shown(other)}`;
      return [{ field: 'platform_user_id', message }];
    }),
  );
  if (errors.length === 0) return;
  throw new Problem(
    'conflict',
    'The providers show different user ids of the platform. To join the accounts anyway, send acknowledge_conflicts: ["platform_user_id"].',
    firstErrors(errors),
  );
}

const shown = ({ provider, providerAccountId, platformUserId }: HeldAccount) =>
  `${platformUserId} of ${provider}:${providerAccountId}`;
