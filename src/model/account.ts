/**
 * A social network, lower case (`instagram`, `tiktok`, `twitter`, …). An open set: providers add
 * networks without notice.
 */
export type Platform = string;
/** Stands where a provider's word for the network cannot be read. */
export const UNKNOWN_PLATFORM: Platform = 'unknown';

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
  'answer_unreadable',
  'not_checked',
  'not_told',
  'permission_missing',
] as const;
export type HealthReason = (typeof HEALTH_REASONS)[number];

/** Whose fault it is that an account is not healthy; `gateway`: our own. */
export const HEALTH_FAULTS = ['account', 'connection', 'provider', 'gateway'] as const;
export type HealthFault = (typeof HEALTH_FAULTS)[number];

/** What one look at an account says of its health. */
export interface Verdict {
  readonly status: HealthStatus;
  readonly reason: HealthReason | null;
  readonly fault: HealthFault | null;
}

export const HEALTHY: Verdict = { status: 'healthy', reason: null, fault: null };
/** The field that decides cannot be read. */
export const UNREADABLE: Verdict = {
  status: 'unknown',
  reason: 'answer_unreadable',
  fault: 'provider',
};
/** The provider shows no health for this account. */
export const NOT_TOLD: Verdict = { status: 'unknown', reason: 'not_told', fault: null };
/** The token works, and a permission that the provider names as needed is missing. */
export const PERMISSION_MISSING: Verdict = {
  status: 'warning',
  reason: 'permission_missing',
  fault: 'account',
};

/** What to do next, in one word for machines. */
export const NEXT_STEPS = [
  'none',
  'wait',
  'retry',
  'reconnect',
  'resume',
  'check_credentials',
  'contact_provider',
] as const;
export type NextStep = (typeof NEXT_STEPS)[number];

/** What the next step of a recommendation is. */
export const RECOMMENDATION_CODES = [...NEXT_STEPS, 'verify_handle'] as const;
export type RecommendationCode = (typeof RECOMMENDATION_CODES)[number];

/** A provider's mutable configuration of an account, under the provider's own names. */
export type Settings = Readonly<Record<string, unknown>>;
