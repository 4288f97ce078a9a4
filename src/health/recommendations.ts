import type { AnyAdapter, HealthReason } from '../model/index.js';

export const RECOMMENDATION_CODES = ['reconnect', 'resume', 'contact_provider', 'check_credentials', 'wait', 'verify_handle'] as const;
export type RecommendationCode = (typeof RECOMMENDATION_CODES)[number];

/** A next step for a person. */
export interface Recommendation {
  readonly code: RecommendationCode;
  readonly message: string;
  /** Where to do it, where that is one place. */
  readonly url: string | null;
}

const NEXT_STEP: Record<HealthReason, Omit<Recommendation, 'url'>> = {
  setup_pending: { code: 'wait', message: 'The provider is still setting the account up.' },
  account_paused: { code: 'resume', message: 'The account is paused. Resume it to go on.' },
  account_suspended: { code: 'contact_provider', message: 'The provider suspended the account; only its support can lift that.' },
  profile_unavailable: { code: 'verify_handle', message: 'The profile is private, removed or renamed. Check its handle.' },
  data_stale: { code: 'wait', message: 'The provider has not refreshed its figures in time. Contact it if this stays.' },
  token_invalid: { code: 'reconnect', message: 'The token expired or was revoked.' },
  token_expiring: { code: 'reconnect', message: 'The token is about to expire.' },
  provider_warning: { code: 'reconnect', message: 'The provider warns of this account.' },
  credential_rejected: { code: 'check_credentials', message: 'The provider rejects our key. Give the connection a working one.' },
  provider_unreachable: { code: 'wait', message: 'The provider has not given a good answer for three sweeps.' },
};

/** Our own connect flow: POST there. */
const CONNECT_FLOW = '/v1/connect';

/**
 * What to do about a reason. Where the provider advises something itself its words come instead of ours.
 * @param advice the provider's own texts
 * @param adapter the account's provider; absent where the reason is about a whole connection
 */
export function recommend(reason: HealthReason | null, advice: readonly string[], adapter: AnyAdapter | undefined): Recommendation[] {
  const step = reason === null ? NO_STEP : NEXT_STEP[reason];
  const url = adapter ? placeOf(step.code, adapter) : null;
  if (advice.length > 0) return advice.map((message) => ({ code: step.code, message, url }));
  if (reason === null) return [];
  const how = step.code === 'reconnect' && adapter ? ` ${adapter.disconnectEffect.howToReconnect}` : '';
  return [{ code: step.code, message: step.message + how, url }];
}

/** What a provider advises for an account that is well can only be about its connection. */
const NO_STEP = { code: 'reconnect', message: '' } as const;

function placeOf(code: RecommendationCode, adapter: AnyAdapter): string | null {
  if (code === 'contact_provider') return adapter.docs;
  if (code !== 'reconnect') return null;
  return adapter.connect?.flow === 'oauth' ? CONNECT_FLOW : (adapter.connect?.url ?? adapter.docs);
}
