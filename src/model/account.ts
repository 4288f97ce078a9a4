/**
 * A social network, lower case (`instagram`, `tiktok`, `twitter`, …). An open set: providers add
 * networks without notice.
 */
export type Platform = string;

export const ACCOUNT_STATUSES = [
  'setup',
  'active',
  'paused',
  'suspended',
  'reconnect_required',
  'unavailable',
  'disconnecting',
  'disconnected',
] as const;
export type AccountStatus = (typeof ACCOUNT_STATUSES)[number];

/** The statuses that only Rollcall's own disconnect gives; an adapter never says them. */
export type ProviderGivenStatus = Exclude<AccountStatus, 'disconnecting' | 'disconnected'>;

export const HEALTH_STATUSES = ['healthy', 'warning', 'unhealthy', 'unknown'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

export const HEALTH_REASONS = [
  'setup_pending',
  'account_paused',
  'account_suspended',
  'profile_unavailable',
  'data_stale',
  'token_invalid',
  'token_expiring',
  'provider_warning',
  'credential_rejected',
  'provider_unreachable',
] as const;
export type HealthReason = (typeof HEALTH_REASONS)[number];

/** Whose fault it is that an account is not healthy. */
export const HEALTH_FAULTS = ['account', 'connection', 'provider'] as const;
export type HealthFault = (typeof HEALTH_FAULTS)[number];

/** What one look at an account says of its health. */
export interface Verdict {
  readonly status: HealthStatus;
  readonly reason: HealthReason | null;
  readonly fault: HealthFault | null;
}

export const HEALTHY: Verdict = { status: 'healthy', reason: null, fault: null };

/** Counts at `asOf`; rates in percent (4.17 is 4.17 %). `null`: the provider does not say. */
export interface Metrics {
  readonly followers: number | null;
  readonly following: number | null;
  readonly posts: number | null;
  readonly views: number | null;
  readonly likes: number | null;
  readonly comments: number | null;
  readonly shares: number | null;
  readonly saves: number | null;
  readonly engagementRate: number | null;
  readonly growthRate30d: number | null;
  readonly asOf: string | null;
}

export const NO_METRICS: Metrics = {
  followers: null,
  following: null,
  posts: null,
  views: null,
  likes: null,
  comments: null,
  shares: null,
  saves: null,
  engagementRate: null,
  growthRate30d: null,
  asOf: null,
};

/** A provider's mutable configuration of an account, under the provider's own names. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * One account as one look at its provider shows it: the canonical model without what only Rollcall
 * knows (ids, labels, history). Times are RFC 3339 in UTC. `null` says that the provider does not
 * tell. A summary in a list may lack `settings` and single metrics: they are `null` here, and what
 * an earlier, fuller look told is kept.
 */
export interface ObservedAccount {
  /**
   * The provider's id, byte for byte; `platform/id` where the provider keys accounts by that pair.
   */
  readonly providerAccountId: string;
  readonly platform: Platform;
  readonly platformUserId: string | null;
  /** The handle without a leading `@`, case kept. */
  readonly username: string | null;
  readonly displayName: string | null;
  readonly avatarUrl: string | null;
  readonly profileUrl: string | null;
  readonly isVerified: boolean | null;
  readonly status: ProviderGivenStatus;
  /** The provider's own word for the status. */
  readonly providerStatus: string | null;
  readonly verdict: Verdict;
  readonly tokenValid: boolean | null;
  readonly permissions: readonly string[] | null;
  readonly tokenExpiresAt: string | null;
  /** What the provider itself advises, in its words. */
  readonly advice: readonly string[];
  readonly metrics: Metrics;
  readonly settings: Settings | null;
  readonly connectedAt: string | null;
  readonly lastUsedAt: string | null;
  readonly providerUpdatedAt: string | null;
}
