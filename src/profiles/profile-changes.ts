import type { NewEvent } from '../events/index.js';
import type { HeldAccount } from './neighbours.repository.js';
import {
  matchableHandle,
  matchableId,
  type ProfileGroup,
  type ProfileMember,
} from './partition.js';

/** An entry of a profile's history. */
export interface HistoryEntry {
  readonly profileId: string;
  readonly action: 'linked' | 'split' | 'merged' | 'released' | 'reverted';
  /** `null`: of the profile as a whole. */
  readonly accountId: string | null;
  readonly rule: string;
  readonly evidence: readonly object[];
}

/** An entry and all the accounts that it tells of. */
interface ToldEntry extends HistoryEntry {
  readonly about: readonly string[];
}

/** What a decision means to those who follow profiles. */
interface Story {
  readonly entries: readonly ToldEntry[];
  readonly events: readonly NewEvent[];
  /** Profiles that are no more, and those that have their accounts now. */
  readonly redirects: readonly { readonly id: string; readonly mergedInto: string }[];
}

/** An account, the profile that callers saw it in before (`null`: none), and its new membership. */
interface Member {
  readonly account: HeldAccount;
  readonly before: string | null;
  readonly membership: ProfileMember;
}

interface Decided {
  readonly groups: readonly ProfileGroup[];
  readonly accounts: ReadonlyMap<string, HeldAccount>;
  /** The profile of each account as callers could see it; not there: none. */
  readonly shownBefore: ReadonlyMap<string, string>;
  /** The profiles that are no more. */
  readonly gone: readonly string[];
  /** A person asked for it. */
  readonly isManual: boolean;
}

/**
 * The changes of profiles: each group keeps the accounts that it had before, or those of its oldest
 * account; all other accounts joined it. A profile that has ended is continued by the group that
 * has its oldest account.
 */
export function tellChanges({ groups, accounts, shownBefore, gone, isManual }: Decided): Story {
  const membersOf = new Map(
    groups.map((group) => [
      group.id,
      group.members.flatMap((membership): Member[] => {
        const account = accounts.get(membership.accountId);
        if (account === undefined) return [];
        return [{ account, before: shownBefore.get(account.id) ?? null, membership }];
      }),
    ]),
  );
  const heirs = heirsOf(membersOf, new Set(gone));
  const entries: ToldEntry[] = [];
  const events: NewEvent[] = [];

  /** @param was the profile that they were in */
  const tellSplit = (was: string, to: string, movers: readonly Member[]) => {
    // The history is that of the profile that goes on with it.
    const from = heirs.get(was) ?? was;
    const rest = membersOf.get(from) ?? [];
    const cause = isManual ? 'manual' : causeOf(movers, rest);
    for (const { account } of movers) {
      const evidence = [{ from, to }, seenAs(account)];
      for (const profileId of [from, to])
        entries.push({
          profileId,
          action: 'split',
          accountId: account.id,
          rule: cause,
          evidence,
          about: [account.id],
        });
    }
    events.push({
      type: 'profile.split',
      accountId: null,
      providers: providersOf([...movers, ...rest]),
      data: { profile_id: was, new_profile_id: to, accounts: movers.map(factsOf), cause },
    });
  };
  const tellMerge = (from: string, to: string, movers: readonly Member[]) => {
    const ids = movers.map(({ account }) => account.id);
    const rule = isManual ? 'manual' : (movers[0]?.membership.rule ?? 'alone');
    const evidence = [{ merged_profile_id: from, account_ids: ids }];
    entries.push({
      profileId: to,
      action: 'merged',
      accountId: null,
      rule,
      evidence,
      about: ids,
    });
    events.push({
      type: 'profile.merged',
      accountId: null,
      providers: providersOf(membersOf.get(to) ?? []),
      data: { profile_id: from, merged_into: to, accounts: movers.map(factsOf) },
    });
  };
  const tellLink = (to: string, mover: Member, base: readonly Member[]) => {
    const { rule, other } = tieOf(mover, base);
    entries.push({
      profileId: to,
      action: 'linked',
      accountId: mover.account.id,
      rule,
      evidence: [mover.account, other.account].map(seenAs),
      about: [mover.account.id],
    });
    events.push({
      type: 'profile.linked',
      accountId: null,
      providers: providersOf(membersOf.get(to) ?? []),
      data: { profile_id: to, accounts: [factsOf(mover)], linked_to: factsOf(other), rule },
    });
  };

  for (const [id, members] of membersOf) {
    const [base, ...others] = partsOf(id, members);
    if (base === undefined) continue;
    if (base.from !== null && base.from !== id) {
      if (heirs.get(base.from) === id) tellMerge(base.from, id, base.members);
      else tellSplit(base.from, id, base.members);
    }
    for (const { from, members: movers } of others) {
      if (from !== null && heirs.get(from) === id && movers.length > 1) {
        tellMerge(from, id, movers);
        continue;
      }
      if (from !== null && heirs.get(from) !== id) tellSplit(from, id, movers);
      for (const mover of movers) tellLink(id, mover, base.members);
    }
  }
  const redirects = [...heirs].flatMap(([from, to]) =>
    from === to ? [] : [{ id: from, mergedInto: to }],
  );
  const inOrder = EVENT_ORDER.flatMap((type) => events.filter((event) => event.type === type));
  return { entries, events: inOrder, redirects };
}

/** Who keeps profiles by these events has each account where they say that it was. */
const EVENT_ORDER = ['profile.split', 'profile.merged', 'profile.linked'] as const;

/** Of every profile that was shown before, the one that continues it. */
function heirsOf(
  membersOf: ReadonlyMap<string, readonly Member[]>,
  gone: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const oldest = new Map<string, { readonly accountId: string; readonly to: string }>();
  for (const [to, members] of membersOf)
    for (const { account, before } of members) {
      const known = before === null ? undefined : oldest.get(before);
      if (before !== null && (known === undefined || account.id < known.accountId))
        oldest.set(before, { accountId: account.id, to });
    }
  return new Map([...oldest].map(([from, { to }]) => [from, gone.has(from) ? to : from] as const));
}

interface Part {
  /** The profile that its members were in; `null`: none. */
  readonly from: string | null;
  readonly members: readonly Member[];
}

/** A group by where its members were before: first the part that it goes on with. */
function partsOf(id: string, members: readonly Member[]): Part[] {
  const oldestKnown = members.find(({ before }) => before !== null)?.before ?? null;
  const isContinued = members.some(({ before }) => before === id);
  const goesOnWith = isContinued ? id : oldestKnown;
  const origins = [...new Set(members.map(({ before }) => before))];
  const parts = origins.map((from) => ({
    from,
    members: members.filter(({ before }) => before === from),
  }));
  if (goesOnWith === null) {
    // All are new: the oldest is there first.
    const [first, ...rest] = members;
    return first === undefined
      ? []
      : [
          { from: null, members: [first] },
          ...(rest.length > 0 ? [{ from: null, members: rest }] : []),
        ];
  }
  return parts.sort(
    (one, other) => Number(other.from === goesOnWith) - Number(one.from === goesOnWith),
  );
}

/** By what a newcomer is tied to the accounts that were there. */
function tieOf(mover: Member, base: readonly Member[]) {
  const { rule, linkedTo } = mover.membership;
  const target = base.find(({ account }) => account.id === linkedTo);
  if (target !== undefined) return { rule, other: target };
  const follower = base.find(({ membership }) => membership.linkedTo === mover.account.id);
  if (follower !== undefined) return { rule: follower.membership.rule, other: follower };
  return { rule, other: base[0] ?? mover };
}

/**
 * Why accounts left others: their ids tell them apart; they have one handle still, which fits
 * several profiles by now; or the handle is no longer the others'.
 */
function causeOf(movers: readonly Member[], rest: readonly Member[]): string {
  const handles = new Set(rest.map(({ account }) => matchableHandle(account.handle)));
  const ids = new Set(rest.flatMap(({ account }) => matchableId(account.platformUserId) ?? []));
  const alike = movers.filter(({ account }) => handles.has(matchableHandle(account.handle)));
  if (alike.length === 0) return 'handle_reassigned';
  const isOther = alike.some(({ account }) => {
    const id = matchableId(account.platformUserId);
    return id !== null && ids.size > 0 && !ids.has(id);
  });
  return isOther ? 'id_changed' : 'ambiguous';
}

const providersOf = (members: readonly Member[]) => [
  ...new Set(members.map(({ account }) => account.provider)),
];

/** What of an account ties it to others, as the history tells it. */
export const seenAs = ({ id, platformUserId, username }: HeldAccount) => ({
  account_id: id,
  platform_user_id: platformUserId,
  username,
});

const factsOf = ({ account }: Member) => ({
  id: account.id,
  ref: `${account.provider}:${account.providerAccountId}`,
  provider: account.provider,
  platform: account.platform,
  platform_user_id: account.platformUserId,
  username: account.username,
});
