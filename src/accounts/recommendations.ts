import type {
  AnyAdapter,
  HealthReason,
  HealthStatus,
  NextStep,
  RecommendationCode,
  Verdict,
} from '../model/index.js';

/** A next step for a person. */
export interface Recommendation {
  readonly code: RecommendationCode;
  readonly message: string;
  /**
   * Where to do it or to learn more, where that is one place: at the provider, at the network, or a
   * path of ours.
   */
  readonly url: string | null;
}

const ADVICE: Record<HealthReason, Omit<Recommendation, 'url'>> = {
  setup_pending: { code: 'wait', message: 'The provider is still setting the account up.' },
  account_paused: { code: 'resume', message: 'The account is paused. Resume it to continue.' },
  account_suspended: {
    code: 'contact_provider',
    message:
      "The provider suspended the account. Contact the provider's support to lift the suspension.",
  },
  profile_unavailable: {
    code: 'verify_handle',
    message: 'The profile is private, removed or renamed. Check its handle.',
  },
  data_stale: {
    code: 'wait',
    message:
      'The provider has not refreshed its metrics on schedule. Contact the provider if this persists.',
  },
  token_invalid: { code: 'reconnect', message: 'The token expired or was revoked.' },
  token_expiring: { code: 'reconnect', message: 'The token expires soon.' },
  provider_warning: {
    code: 'reconnect',
    message: 'The provider reports a warning for this account.',
  },
  credential_rejected: {
    code: 'check_credentials',
    message:
      "The provider rejects the connection's key. Set a working key with PATCH /v1/connections/{id}.",
  },
  provider_unreachable: {
    code: 'wait',
    message: 'The provider has not answered successfully for three sweep intervals.',
  },
  answer_unreadable: {
    code: 'retry',
    message:
      "The provider's answer about this account cannot be read. Probe it; contact the provider if this persists.",
  },
  not_checked: {
    code: 'retry',
    message:
      'Rollcall has not checked this account for three sweep intervals. Probe it, or wait for the next sweep.',
  },
  not_told: { code: 'none', message: 'The provider does not report the health of this account.' },
  permission_missing: {
    code: 'reconnect',
    message: 'A permission that the provider needs is missing. Grant it when you reconnect.',
  },
};

/** For a verdict that is neither healthy nor has a reason. */
const NOTHING_TOLD: Omit<Recommendation, 'url'> = {
  code: 'wait',
  message: 'The provider has not reported the health of this account yet.',
};

/** For one that is not checked as its connection is paused. */
const CONNECTION_PAUSED: Omit<Recommendation, 'url'> = {
  code: 'retry',
  message:
    'The connection is paused, so Rollcall does not check this account. Resume it with PATCH /v1/connections/{id}.',
};

/** Our own connect flow: POST there. */
const CONNECT_FLOW = '/v1/connect';
/** Where the API reference describes how to resume an account. */
const HOW_TO_RESUME = '/docs#/accounts/accounts.resume';

/** What a recommendation goes by besides the verdict. */
interface Circumstances {
  readonly adapter: AnyAdapter;
  /** The provider's own texts. */
  readonly advice?: readonly string[];
  /** Where people see the profile. */
  readonly profileUrl?: string | null;
  /** Whether its connection is paused. */
  readonly isPaused?: boolean;
}

/**
 * What to do about a verdict. Where the provider advises something itself its words come instead of
 * ours.
 */
export function recommend(
  { status, reason }: Verdict,
  circumstances: Circumstances,
): Recommendation[] {
  const { adapter, advice = [] } = circumstances;
  // What a provider says of an account that is well needs no action.
  if (status === 'healthy') return advice.map((message) => ({ code: 'none', message, url: null }));
  const step = stepFor(reason, circumstances);
  const url = placeOf(step.code, reason, circumstances);
  if (advice.length > 0) return advice.map((message) => ({ code: step.code, message, url }));
  const how = step.code === 'reconnect' ? ` ${adapter.disconnectEffect.howToReconnect}` : '';
  return [{ code: step.code, message: step.message + how, url }];
}

function stepFor(reason: HealthReason | null, { isPaused = false }: Circumstances) {
  if (reason === null) return NOTHING_TOLD;
  return isPaused && reason === 'not_checked' ? CONNECTION_PAUSED : ADVICE[reason];
}

/** The one word for a verdict's next step. */
export function nextStep(status: HealthStatus, reason: HealthReason | null): NextStep {
  if (status === 'healthy') return 'none';
  const { code } = reason === null ? NOTHING_TOLD : ADVICE[reason];
  // The profile is connected again under its present handle.
  return code === 'verify_handle' ? 'reconnect' : code;
}

function placeOf(
  code: RecommendationCode,
  reason: HealthReason | null,
  { adapter, profileUrl = null }: Circumstances,
): string | null {
  switch (code) {
    case 'reconnect':
      return placeToReconnect(adapter);
    case 'resume':
      return adapter.operations.resume ? HOW_TO_RESUME : placeOutside(adapter);
    case 'contact_provider':
      return adapter.docs;
    case 'check_credentials':
      return adapter.pages?.keys ?? adapter.docs;
    case 'verify_handle':
      return profileUrl;
    case 'none':
    case 'retry':
      return null;
    case 'wait':
      return reason === 'provider_unreachable'
        ? `/v1/providers/${adapter.id}`
        : (adapter.pages?.freshness ?? null);
  }
}

/** Where people manage their accounts at the provider, as far as it is known. */
function placeOutside(adapter: AnyAdapter): string {
  return adapter.connect?.url ?? adapter.docs;
}

function placeToReconnect(adapter: AnyAdapter): string {
  return adapter.operations.connectStart ? CONNECT_FLOW : placeOutside(adapter);
}
