import type { IdScope } from '../model/index.js';

/** An account as its provider names it. Several connections may hold it, or none any more. */
export interface AccountName {
  readonly provider: string;
  readonly providerAccountId: string;
}

/** An account as far as it decides whose profile it is in. */
export interface ProfileAccount extends AccountName {
  /** `acct_<ULID>`: the lower of two is the older. */
  readonly id: string;
  /** Within what `platformUserId` names one profile. */
  readonly idScope: IdScope;
  /** Null where the provider does not say, and where the platform is unknown. */
  readonly platformUserId: string | null;
  /** The username key: lower case, NFC. Null as above. */
  readonly handle: string | null;
  /** Not disconnected. */
  readonly isLive: boolean;
}

/** A person's word on two accounts, which outlives their rows. */
export interface ProfileConstraint {
  readonly kind: 'must_link' | 'cannot_link';
  readonly one: AccountName;
  readonly other: AccountName;
}

/** What ties a member to its profile. `own_id`: it is the one that the others are tied to. */
export type LinkRule = 'own_id' | 'same_id' | 'same_handle' | 'manual' | 'alone';
/** How well it is tied. `none`: it is alone. */
export type Match = 'strong' | 'weak' | 'manual' | 'none';

/** An account of a profile, with the rule that ties it to the others. */
export interface ProfileMember {
  readonly accountId: string;
  readonly match: Match;
  readonly rule: LinkRule;
  /**
   * The account of the profile that it is tied to. A disconnected one where no live one has the
   * same id or was linked with it by hand.
   */
  readonly linkedTo: string | null;
}

/** The accounts of one profile, as the rules decide. */
export interface ProfileGroup {
  /** `prof_<ULID>`, with the ULID of the oldest account that ids or a person tie to it. */
  readonly id: string;
  /** The live ones, oldest first; one at least. */
  readonly members: readonly ProfileMember[];
  readonly match: Match | 'mixed';
  /** Other profiles, sorted, of which it may be one, though not of all. */
  readonly candidates: readonly string[];
  /**
   * Pairs of members, the older one first, whose ids contradict though a person joined them. Each
   * id that is in question is in one: every account that is the oldest with its id, provider and
   * scope, and the oldest account that it contradicts. Sorted.
   */
  readonly contradictions: readonly (readonly [string, string])[];
}
