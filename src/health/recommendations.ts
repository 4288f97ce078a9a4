import type { DisconnectEffect, HealthReason } from '../model/index.js';

/** A next step for a person. */
export interface Recommendation {
  readonly code: 'reconnect' | 'resume' | 'contact_provider' | 'check_credentials' | 'wait' | 'verify_handle';
  readonly message: string;
}

const NEXT_STEP: Record<HealthReason, Recommendation> = {
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

/**
 * What to do about a reason. Where the provider advises something itself its words come instead of ours.
 * @param advice the provider's own texts
 */
export function recommend(reason: HealthReason | null, advice: readonly string[], effect: DisconnectEffect | undefined): Recommendation[] {
  if (reason === null) return advice.map((message) => ({ code: 'reconnect', message }));
  const step = NEXT_STEP[reason];
  if (advice.length > 0) return advice.map((message) => ({ code: step.code, message }));
  const how = step.code === 'reconnect' && effect ? ` ${effect.howToReconnect}` : '';
  return [{ code: step.code, message: step.message + how }];
}
