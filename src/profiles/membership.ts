import { usernameKey } from '../accounts/index.js';
import { type IdScope, UNKNOWN_PLATFORM } from '../model/index.js';
import { isWithinIntervals, type MemberFacts } from './member-facts.js';
import type { HeldConstraint } from './neighbours.repository.js';
import {
  type AccountName,
  type ProfileAccount,
  type ProfileGroup,
  type ProfileMember,
  partition,
} from './partition.js';
import type { FormerMember } from './profiles.repository.js';

/** A weak link is stale once the last good look at one of its sides is so many intervals ago. */
export const STALE_AFTER_INTERVALS = 3;

export type IdScopeOf = (provider: string, platform: string) => IdScope;

/** What a tie rests on. */
interface TieEvidence {
  readonly account_id: string;
  /** `must_link`: a person tied the account to the one that is the value. */
  readonly field: 'platform_user_id' | 'username' | 'must_link';
  readonly value: string;
  readonly observed_at: Date;
}

/** What ties one live member to its profile. */
export interface Membership extends ProfileMember {
  readonly evidence: readonly TieEvidence[];
  /** Whether it is tied by a handle alone that was not seen lately. */
  readonly isStale: boolean;
}

/**
 * What ties the members of one profile together, by the same rules that decided on it.
 * @param members live
 * @param former those of its accounts that are disconnected
 * @param constraints newest first
 */
export function membershipsOf(
  members: readonly MemberFacts[],
  former: readonly FormerMember[],
  constraints: readonly HeldConstraint[],
  idScopeOf: IdScopeOf,
  now: Date,
): { readonly groups: readonly ProfileGroup[]; readonly of: ReadonlyMap<string, Membership> } {
  const accounts = [
    ...members.map((member) =>
      accountOf({ ...member, platformUserId: member.platform_user_id }, member.username, idScopeOf),
    ),
    ...former.map((account) => accountOf(account, undefined, idScopeOf)),
  ];
  const groups = partition(accounts, constraints);
  const byId = new Map(members.map((member) => [member.id, member]));
  const memberships = groups.flatMap((group) =>
    group.members.flatMap((tie): [string, Membership][] => {
      const member = byId.get(tie.accountId);
      if (member === undefined) return [];
      const other = byId.get(tie.linkedTo ?? '');
      const sides = other === undefined ? [member] : [member, other];
      const isStale =
        tie.match === 'weak' &&
        sides.some((side) => !isWithinIntervals(side, STALE_AFTER_INTERVALS, now));
      return [[member.id, { ...tie, isStale, evidence: evidenceOf(tie, sides, constraints) }]];
    }),
  );
  return { groups, of: new Map(memberships) };
}

/** @param username `undefined`: the account is gone */
function accountOf(
  account: AccountName & {
    readonly id: string;
    readonly platform: string;
    readonly platformUserId: string | null;
  },
  username: string | null | undefined,
  idScopeOf: IdScopeOf,
): ProfileAccount {
  const { id, provider, providerAccountId, platform, platformUserId } = account;
  // Without a platform nothing says that values are of one kind.
  const isKnown = platform !== UNKNOWN_PLATFORM;
  return {
    id,
    provider,
    providerAccountId,
    idScope: idScopeOf(provider, platform),
    platformUserId: isKnown ? platformUserId : null,
    handle: isKnown && username != null ? usernameKey(username) : null,
    isLive: username !== undefined,
  };
}

/** @param sides the member, and the one that it is tied to where that is live */
function evidenceOf(
  { rule }: ProfileMember,
  sides: readonly MemberFacts[],
  constraints: readonly HeldConstraint[],
): TieEvidence[] {
  switch (rule) {
    case 'alone':
      return [];
    case 'own_id':
    case 'same_id':
      return seen('platform_user_id', sides);
    case 'same_handle': {
      // Two ids that cannot be compared say neither yes nor no, and yet belong to the picture.
      const ids = seen('platform_user_id', sides);
      return [...seen('username', sides), ...(ids.length > 1 ? ids : [])];
    }
    case 'manual':
      return choiceOf(sides, constraints);
  }
}

function seen(
  field: 'platform_user_id' | 'username',
  sides: readonly MemberFacts[],
): TieEvidence[] {
  return sides.flatMap((member) => {
    const value = member[field];
    if (value === null) return [];
    return [{ account_id: member.id, field, value, observed_at: member.observedAt }];
  });
}

function choiceOf(
  [member, other]: readonly MemberFacts[],
  constraints: readonly HeldConstraint[],
): TieEvidence[] {
  if (member === undefined || other === undefined) return [];
  const choice = constraints.find(
    ({ kind, one, other: second }) =>
      kind === 'must_link' &&
      ((isNamed(one, member) && isNamed(second, other)) ||
        (isNamed(one, other) && isNamed(second, member))),
  );
  if (choice === undefined) return [];
  const { createdAt } = choice;
  return [{ account_id: member.id, field: 'must_link', value: other.id, observed_at: createdAt }];
}

const isNamed = (name: AccountName, { provider, providerAccountId }: AccountName) =>
  name.provider === provider && name.providerAccountId === providerAccountId;
