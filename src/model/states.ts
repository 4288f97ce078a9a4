import type { HealthFault, HealthReason, HealthStatus, ProviderGivenStatus } from './account.js';
import { HEALTHY, NOT_TOLD, PERMISSION_MISSING, UNREADABLE } from './account.js';
import type { UnreadableFields } from './adapter.js';
import { namesExpiry } from './expiry.js';
import type { ObservedAccount } from './observed-account.js';

/** What a look says of an account's state: its status, and the verdict on its health. */
export type State = Pick<ObservedAccount, 'status' | 'verdict'>;

const state = (
  status: ProviderGivenStatus,
  health: HealthStatus,
  reason: HealthReason,
  fault: HealthFault | null,
): State => ({ status, verdict: { status: health, reason, fault } });

/** The states that a provider can give an account, by the reason, and `healthy`. */
export const STATES = {
  healthy: { status: 'active', verdict: HEALTHY },
  setup_pending: state('setup', 'unknown', 'setup_pending', null),
  account_paused: state('paused', 'warning', 'account_paused', 'account'),
  account_suspended: state('suspended', 'unhealthy', 'account_suspended', 'account'),
  profile_unavailable: state('unavailable', 'unhealthy', 'profile_unavailable', 'account'),
  data_stale: state('active', 'warning', 'data_stale', 'provider'),
  token_invalid: state('reconnect_required', 'unhealthy', 'token_invalid', 'account'),
  token_expiring: state('active', 'warning', 'token_expiring', 'account'),
  provider_warning: state('active', 'warning', 'provider_warning', 'account'),
  permission_missing: { status: 'active', verdict: PERMISSION_MISSING },
  /** A field that decides cannot be read: what is stored stays. */
  answer_unreadable: { status: null, verdict: UNREADABLE },
  /** The provider shows no health for it: what is stored stays. */
  not_told: { status: null, verdict: NOT_TOLD },
} as const satisfies Readonly<Record<string, State>>;

/** How a provider that holds the networks' grants reports on one: names of fields on the wire. */
export interface GrantReport {
  /** All fields of the report: an account for which none is told has no report. */
  readonly fields: readonly string[];
  /** A flag: whether the token works. */
  readonly token: string;
  /** The provider's word for the health. */
  readonly word: string;
}

/**
 * The state of an account by the report on its grant. A dead token comes first. Words are an open
 * set: any but `healthy` is a warning while the token works; where the token is not told of, a word
 * other than those two says nothing. A field that cannot be read leaves open what comes after it.
 * Advice such as "Token expires in 3 days." explains a warning and makes none.
 */
export function grantState(
  { fields, token, word }: GrantReport,
  wire: Readonly<Record<string, unknown>>,
  unreadable: UnreadableFields,
  { advice, missing = [] }: { advice: readonly string[]; missing?: readonly string[] | null },
): State {
  if (wire[token] === false) return STATES.token_invalid;
  const isReported = fields.some((name) => wire[name] !== null || unreadable.has(name));
  if (!isReported) return STATES.not_told;
  if (wire[word] === null || unreadable.has(token)) return STATES.answer_unreadable;
  const told = String(wire[word]).toLowerCase();
  if (told === 'healthy') return STATES.healthy;
  if (wire[token] === null && told !== 'warning') return STATES.answer_unreadable;
  if (missing?.length) return STATES.permission_missing;
  return advice.some(namesExpiry) ? STATES.token_expiring : STATES.provider_warning;
}
