import type { Role } from '../model/index.js';
import type { MemberFacts, StaleLink } from '../profiles/index.js';

/** How long an account that a handle's new owner has parted from others is worth a look. */
export const REASSIGNED_FOR_DAYS = 30;

/** What is known of a profile before its accounts are read. */
interface ProfileOutline {
  /** Of the providers that hold it, one each. */
  readonly roles: readonly Role[];
  readonly accountCount: number;
  /** Whether it fits other profiles and joins none of them. */
  readonly hasCandidates: boolean;
  /** Whether a handle that passed on brought accounts here. */
  readonly isReassigned: boolean;
  /** Whether a handle ties some accounts, and one of all was not looked at for too long. */
  readonly mayBeStale: boolean;
  readonly isExpectedElsewhere: boolean;
}

/** A profile as far as findings depend on it. */
export interface ProfileFacts {
  readonly id: string;
  readonly platform: string;
  /** Live, oldest first; one at least. */
  readonly members: readonly MemberFacts[];
  /** Profiles that it fits and joins none of. */
  readonly candidates: readonly RelatedProfile[];
  /** How its accounts came here, where a handle that passed on brought them. */
  readonly reassigned: readonly Reassigned[];
  readonly staleLinks: readonly StaleLink[];
  /** Whether most profiles of the team on its platform are held by several providers. */
  readonly isExpectedElsewhere: boolean;
}

/** Another profile, and who holds it. */
export interface RelatedProfile {
  readonly id: string;
  /** The oldest of the ids that lead to it: it stays when the profile goes on under another one. */
  readonly oldestId: string;
  readonly providers: readonly string[];
}

/** An account that left a profile as the handle that tied it there belongs to another one now. */
interface Reassigned {
  readonly accountId: string;
  readonly from: RelatedProfile;
  readonly at: Date;
}

/** What is found of one kind. */
export interface Found {
  readonly accounts: readonly MemberFacts[];
  /** Further profiles that it tells of. */
  readonly related?: readonly RelatedProfile[];
  /** Facts in snake_case, as callers see them. With other ones it is another finding. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What tells it apart in place of `details` that may name the same things otherwise. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Since when it is so, where the facts tell; else it is when it was found. */
  readonly since?: Date;
}

export const SEVERITIES = ['info', 'warning'] as const;

interface FindingKind {
  /** `warning`: the owner of the profile may come to harm. */
  readonly severity: (typeof SEVERITIES)[number];
  /** When it is found, for people. */
  readonly meaning: string;
  readonly nextStep: { readonly code: string; readonly message: string };
  /** Whether it may be found at all: its accounts are read only then. */
  readonly mayBe: (outline: ProfileOutline) => boolean;
  readonly find: (profile: ProfileFacts) => readonly Found[];
}

/** Every kind of finding: what it means, what to do, and how it is found. */
export const FINDINGS = {
  two_publishers: {
    severity: 'warning',
    meaning: 'Two or more publishing providers hold a valid grant for one profile.',
    nextStep: {
      code: 'keep_one_publisher',
      message:
        'Agree on the provider that publishes to this profile and disconnect its accounts at the others, or dismiss this with the reason for both.',
    },
    mayBe: ({ roles }) => countOf(roles, 'publisher') > 1,
    find: ({ members }) => {
      const publishers = members.filter(canPublish);
      const providers = providersOf(publishers);
      return providers.length < 2 ? [] : [{ accounts: publishers, details: { providers } }];
    },
  },
  tracked_twice: {
    severity: 'info',
    meaning:
      'Two or more accounts measure one profile, or one provider holds the profile more than once.',
    nextStep: {
      code: 'disconnect_duplicate',
      message: 'Keep the account whose figures you use and disconnect the others.',
    },
    mayBe: ({ roles, accountCount }) =>
      accountCount > roles.length || countOf(roles, 'measurement') > 1,
    find: ({ members }) => {
      const held = members.filter(isHeld);
      const measuring = held.filter(({ role }) => role === 'measurement');
      const others = held.filter(({ role }) => role !== 'measurement');
      const twiceAtOne = providersOf(others).map((provider) =>
        others.filter((member) => member.provider === provider),
      );
      return [measuring, ...twiceAtOne]
        .filter((accounts) => accounts.length > 1)
        .map((accounts) => ({ accounts, details: { providers: providersOf(accounts) } }));
    },
  },
  single_provider: {
    severity: 'info',
    meaning:
      'One provider holds the profile, while most profiles of the team on that platform are held by two or more of its connected providers.',
    nextStep: {
      code: 'connect_elsewhere',
      message:
        'Connect the profile at another provider of the team that supports its platform, or dismiss this if one is meant to be enough.',
    },
    mayBe: ({ roles, isExpectedElsewhere }) => isExpectedElsewhere && roles.length === 1,
    find: ({ members, isExpectedElsewhere }) => {
      const providers = providersOf(members);
      return isExpectedElsewhere && providers.length === 1
        ? [{ accounts: members, details: { providers } }]
        : [];
    },
  },
  engagement_beside_publishing: {
    severity: 'warning',
    meaning:
      'A provider engages in the name of a profile while another holds a valid grant to publish to it.',
    nextStep: {
      code: 'pause_engagement',
      message:
        'Pause the engagement (`POST /v1/accounts/{id}/pause`) while the profile is published to: platforms restrict profiles whose actions look automated.',
    },
    mayBe: ({ roles }) => roles.includes('growth') && roles.includes('publisher'),
    find: ({ members }) => {
      const engaging = members.filter(
        (member) => member.role === 'growth' && member.status === 'active',
      );
      const publishers = members.filter(canPublish);
      if (engaging.length === 0 || publishers.length === 0) return [];
      return [
        {
          accounts: [...engaging, ...publishers],
          details: { engaging: providersOf(engaging), publishing: providersOf(publishers) },
        },
      ];
    },
  },
  stale_weak_link: {
    severity: 'info',
    meaning:
      'Only an equal handle ties two accounts, and one of them was not checked for three sweep intervals.',
    nextStep: {
      code: 'confirm_link',
      message:
        'Find out why the account is no longer checked, or say whose it is (`PUT /v1/accounts/{id}/profile`): its handle may belong to somebody else by now.',
    },
    mayBe: ({ mayBeStale }) => mayBeStale,
    find: ({ staleLinks }) =>
      staleLinks.map(({ member, other, since }) => ({
        accounts: other === null ? [member] : [member, other],
        details: { account_id: member.id, linked_to: other?.id ?? null },
        since,
      })),
  },
  handle_taken_over: {
    severity: 'warning',
    meaning: `In the last ${REASSIGNED_FOR_DAYS} days accounts left their profile, because the handle that tied them to it is no longer that profile's; or an account fits several profiles that contradict each other.`,
    nextStep: {
      code: 'check_owner',
      message:
        'Check whose these accounts are: put each into the profile it belongs to (`PUT /v1/accounts/{id}/profile`), and disconnect those of somebody else.',
    },
    mayBe: ({ hasCandidates, isReassigned }) => hasCandidates || isReassigned,
    find: ({ members, candidates, reassigned }) => {
      const ids = new Set(reassigned.map(({ accountId }) => accountId));
      const moved = members.filter(({ id }) => ids.has(id));
      const [last] = reassigned.toSorted((one, other) => other.at.getTime() - one.at.getTime());
      const left = [...new Map(reassigned.map(({ from }) => [from.id, from])).values()];
      return [
        ...(moved.length === 0 || last === undefined
          ? []
          : [
              {
                accounts: moved,
                related: left,
                details: {
                  cause: 'handle_reassigned',
                  left_profile_ids: left.map(({ id }) => id).sort(),
                  at: last.at.toISOString(),
                },
                since: last.at,
              },
            ]),
        ...(candidates.length === 0
          ? []
          : [
              {
                accounts: members,
                related: candidates,
                details: { cause: 'ambiguous', candidates: candidates.map(({ id }) => id).sort() },
                facts: {
                  cause: 'ambiguous',
                  candidates: candidates.map(({ oldestId }) => oldestId).sort(),
                },
              },
            ]),
      ];
    },
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

export type FindingKindName = keyof typeof FINDINGS;
/** The names of all kinds of findings. */
export const FINDING_KINDS = Object.keys(FINDINGS) as [FindingKindName, ...FindingKindName[]];

/** Whether there may be anything to find about a profile. */
export const mayHaveFindings = (outline: ProfileOutline) =>
  FINDING_KINDS.some((kind) => FINDINGS[kind].mayBe(outline));

/** All that is found of a profile. */
export function findingsOf(profile: ProfileFacts): (Found & { readonly kind: FindingKindName })[] {
  return FINDING_KINDS.flatMap((kind) =>
    FINDINGS[kind].find(profile).map((found: Found) => ({ kind, ...found })),
  );
}

const countOf = (roles: readonly Role[], role: Role) => roles.filter((one) => one === role).length;

/** One that is about to be disconnected is on its way out. */
const isHeld = ({ status }: MemberFacts) => status !== 'disconnecting';

/** Holds a grant that works, as far as anyone knows. */
const canPublish = ({ role, status, healthStatus }: MemberFacts) =>
  role === 'publisher' && status === 'active' && healthStatus !== 'unhealthy';

/** Sorted, each once. */
const providersOf = (members: readonly MemberFacts[]) =>
  [...new Set(members.map(({ provider }) => provider))].sort();
