import type {
  AccountStatus,
  HealthFault,
  HealthReason,
  HealthStatus,
  Role,
} from '../model/index.js';

/** Of one profile, the accounts that an answer lists. */
export const MAX_PROFILE_MEMBERS = 1_000;

/** Counts and rates as the member's provider tells them, under the names of `Account.metrics`. */
interface MemberFigures {
  readonly followers: number | null;
  readonly following: number | null;
  readonly posts: number | null;
  readonly views: number | null;
  readonly likes: number | null;
  readonly comments: number | null;
  readonly shares: number | null;
  readonly saves: number | null;
  /** In percent, like the next. */
  readonly engagement_rate: number | null;
  readonly growth_rate_30d: number | null;
}

/** What is known of one live account of a profile. `null`: its provider does not say. */
export interface MemberFacts extends MemberFigures {
  readonly id: string;
  readonly profileId: string;
  readonly provider: string;
  readonly providerAccountId: string;
  /** What its provider does for an account. */
  readonly role: Role;
  readonly platform: string;
  readonly platform_user_id: string | null;
  readonly username: string | null;
  readonly display_name: string | null;
  readonly avatar_url: string | null;
  readonly profile_url: string | null;
  readonly is_verified: boolean | null;
  readonly status: AccountStatus;
  readonly healthStatus: HealthStatus;
  readonly healthReason: HealthReason | null;
  readonly healthFault: HealthFault | null;
  readonly healthSince: Date;
  /** When the last good look at its health was. */
  readonly healthCheckedAt: Date;
  readonly labels: Readonly<Record<string, string>>;
  /** When its provider says that its figures were taken. */
  readonly metricsAsOf: Date | null;
  /** When the last good look at it was. */
  readonly observedAt: Date;
  /** Between two sweeps of its connection. */
  readonly intervalSeconds: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What of them the row of a profile rests on. */
export type SummedFacts = Pick<
  MemberFacts,
  | 'id'
  | 'profileId'
  | 'provider'
  | 'role'
  | 'platform'
  | 'platform_user_id'
  | 'username'
  | 'display_name'
  | 'followers'
  | 'healthStatus'
  | 'healthReason'
  | 'healthFault'
  | 'healthSince'
  | 'healthCheckedAt'
  | 'metricsAsOf'
  | 'observedAt'
  | 'intervalSeconds'
  | 'createdAt'
  | 'updatedAt'
>;

/** Whether the last good look at a member is at most so many of its sweep intervals ago. */
export function isWithinIntervals(
  { observedAt, intervalSeconds }: Pick<MemberFacts, 'observedAt' | 'intervalSeconds'>,
  intervals: number,
  now: Date,
): boolean {
  return now.getTime() - observedAt.getTime() <= intervals * intervalSeconds * 1_000;
}
