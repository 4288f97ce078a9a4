import type { HealthReason } from '../model/index.js';

/** What each reason of a health verdict means, for people and agents. */
export const REASONS: Readonly<Record<HealthReason, string>> = {
  setup_pending: 'The provider has not finished setting the account up; it shows no health yet.',
  account_paused:
    'The account is paused at its provider: nothing is done with it until it resumes.',
  account_suspended: 'The provider or the platform has suspended the account.',
  profile_unavailable: 'The profile cannot be found on its platform: deleted, renamed or blocked.',
  data_stale: 'The provider has not refreshed its data on the account for longer than it promises.',
  token_invalid: 'The access that the account holder granted is no longer valid.',
  token_expiring: 'The access that the account holder granted ends soon.',
  provider_warning: 'The provider warns of something; its text is among the recommendations.',
  credential_rejected:
    'The provider rejects the key of the connection: no account on it can be checked.',
  provider_unreachable: 'The provider did not answer when it was asked, several times in a row.',
  answer_unreadable: 'The provider answered in a form that the gateway cannot read.',
  not_checked: 'The gateway itself did not look for a while; nothing is known of the time since.',
  not_told: 'The provider tells nothing of the health of this account.',
  permission_missing: 'A permission that the provider needs was not granted or was withdrawn.',
};

/** The same as a page, for `rollcall://docs/reasons`. */
export function reasonsPage(): string {
  const lines = Object.entries(REASONS).map(([reason, meaning]) => `- \`${reason}\`: ${meaning}`);
  return [
    '# Reasons of health verdicts',
    '',
    'An account that is healthy has no reason. `fault` says whose it is: `account`, `connection`, `provider` or `gateway`.',
    '',
    ...lines,
    '',
  ].join('\n');
}
