import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { nextStep, type Recommendation, recommend } from '../../src/accounts/recommendations.js';
import {
  HEALTH_REASONS,
  HEALTHY,
  type HealthReason,
  type NextStep,
} from '../../src/model/index.js';
import { createRegistry } from '../../src/providers/index.js';
import { checkout } from '../support/checkout.js';

const PROFILE = 'https://www.instagram.com/acme';
const PROVIDERS = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const;
type Urls = Readonly<Record<(typeof PROVIDERS)[number], string | null>>;
const everywhere = (url: string | null): Urls => ({
  outfame: url,
  creatoraudit: url,
  socialsyncer: url,
  octopost: url,
});

const OUTFAME = 'https://www.outfame.com/docs';
const CREATORAUDIT = 'https://docs.creatoraudit.com';
const SOCIALSYNCER = 'https://social-syncer-api.com/docs';
const OCTOPOST = 'https://octopost.ink';
const RECONNECT = {
  outfame: OUTFAME,
  creatoraudit: CREATORAUDIT,
  socialsyncer: '/v1/connect',
  octopost: OCTOPOST,
};
const FRESHNESS = { ...everywhere(null), creatoraudit: `${CREATORAUDIT}/data-freshness` };

const TABLE: Record<
  HealthReason,
  readonly [code: Recommendation['code'], message: RegExp, urls: Urls]
> = {
  setup_pending: ['wait', /still setting the account up/, FRESHNESS],
  account_paused: ['resume', /Resume it/, everywhere('/docs#/accounts/accounts.resume')],
  account_suspended: [
    'contact_provider',
    /Contact the provider's support/,
    {
      outfame: OUTFAME,
      creatoraudit: CREATORAUDIT,
      socialsyncer: SOCIALSYNCER,
      octopost: `${OCTOPOST}/docs`,
    },
  ],
  profile_unavailable: ['verify_handle', /Check its handle/, everywhere(PROFILE)],
  data_stale: ['wait', /not refreshed its metrics/, FRESHNESS],
  token_invalid: ['reconnect', /expired or was revoked\. [A-Z].+\.$/, RECONNECT],
  token_expiring: ['reconnect', /expires soon\. [A-Z].+\.$/, RECONNECT],
  provider_warning: ['reconnect', /a warning for this account\. [A-Z].+\.$/, RECONNECT],
  credential_rejected: [
    'check_credentials',
    /rejects the connection's key/,
    {
      outfame: `${OUTFAME}/authentication`,
      creatoraudit: `${CREATORAUDIT}/security`,
      socialsyncer: `${SOCIALSYNCER}/authentication`,
      octopost: `${OCTOPOST}/docs/api/authentication`,
    },
  ],
  provider_unreachable: [
    'wait',
    /three sweep intervals/,
    {
      outfame: '/v1/providers/outfame',
      creatoraudit: '/v1/providers/creatoraudit',
      socialsyncer: '/v1/providers/socialsyncer',
      octopost: '/v1/providers/octopost',
    },
  ],
  answer_unreadable: ['retry', /cannot be read\. Probe it/, everywhere(null)],
  not_checked: ['retry', /has not looked at this account/, everywhere(null)],
  not_told: ['none', /does not report the health/, everywhere(null)],
  permission_missing: ['reconnect', /permission .+ is missing.*\. [A-Z].+\.$/, RECONNECT],
};

/** The words for machines that are not the recommendation's code. */
const NEXT_STEP: Partial<Record<HealthReason, NextStep>> = { profile_unavailable: 'reconnect' };

describe.each(PROVIDERS)('at %s', (provider) => {
  const adapter = createRegistry().require(provider);
  const circumstances = { adapter, profileUrl: PROFILE };

  test.each(HEALTH_REASONS)('%s says what to do, and where', (reason) => {
    const [code, message, urls] = TABLE[reason];
    const told = recommend({ status: 'unhealthy', reason, fault: 'account' }, circumstances);
    expect(told).toEqual([{ code, message: expect.stringMatching(message), url: urls[provider] }]);
  });

  test.each(HEALTH_REASONS)('%s has one next step for machines', (reason) => {
    expect(nextStep('warning', reason)).toBe(NEXT_STEP[reason] ?? TABLE[reason][0]);
  });

  test("the provider's own words come in place of ours", () => {
    const advice = ['Do this.', 'And that.'];
    const told = recommend(
      { status: 'warning', reason: 'token_expiring', fault: 'account' },
      { ...circumstances, advice },
    );
    expect(told).toEqual(
      advice.map((message) => ({ code: 'reconnect', message, url: RECONNECT[provider] })),
    );
  });

  test('no verdict but a healthy one goes without; what is said of it calls for nothing', () => {
    expect(recommend(HEALTHY, circumstances)).toEqual([]);
    expect(recommend(HEALTHY, { ...circumstances, advice: ['All is well.'] })).toEqual([
      { code: 'none', message: 'All is well.', url: null },
    ]);
    expect(nextStep('healthy', null)).toBe('none');
    expect(
      recommend({ status: 'unknown', reason: null, fault: null }, circumstances),
    ).toMatchObject([{ code: 'wait' }]);
  });
});

test('the operation that our reference is linked at is there', () => {
  expect(readFileSync(join(checkout, 'src/client/api.gen.ts'), 'utf8')).toContain(
    '"accounts.resume"',
  );
});
