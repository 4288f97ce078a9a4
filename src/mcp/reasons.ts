import type { HealthReason } from '../model/index.js';

/** What each reason of a health verdict means, for people and agents. */
export const REASONS: Readonly<Record<HealthReason, string>> = {
  setup_pending: 'The provider has not finished setting the account up; it shows no health yet.',
  account_paused:
    'The account is paused at its provider: the provider does nothing with it until it is resumed.',
  account_suspended: 'The provider or the platform has suspended the account.',
  profile_unavailable: 'The profile cannot be found on its platform: deleted, renamed or blocked.',
  data_stale: "The provider has not refreshed the account's data on its schedule.",
  token_invalid: 'The access that the account holder granted is no longer valid.',
  token_expiring: 'The access that the account holder granted expires soon.',
  provider_warning: 'The provider reports a warning; its text is among the recommendations.',
  credential_rejected:
    'The provider rejects the key of the connection: no account on it can be checked.',
  provider_unreachable: 'The provider did not answer when it was asked, several times in a row.',
  answer_unreadable: 'The provider answered in a form that the gateway cannot read.',
  not_checked:
    'The gateway itself did not check the account for a while; its health since then is unknown.',
  not_told: 'The provider does not report the health of this account.',
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
