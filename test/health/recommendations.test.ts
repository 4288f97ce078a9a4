import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { adapters } from '../../adapters/index.gen.js';
import { nextStep, type Recommendation, recommend } from '../../src/accounts/recommendations.js';
import {
  type AnyAdapter,
  HEALTH_REASONS,
  HEALTHY,
  type HealthReason,
  type NextStep,
} from '../../src/model/index.js';
import { createRegistry } from '../../src/providers/index.js';
import { checkout } from '../support/checkout.js';
import { describe, expect, test } from '../support/jest.js';

const PROFILE = 'https://www.instagram.com/acme';
/** Where the step is done, by what the adapter declares. */
type Url = (adapter: AnyAdapter) => string | null;
const nowhere: Url = () => null;
const outside: Url = ({ connect, docs }) => connect?.url ?? docs;
const reconnect: Url = (adapter) =>
  'connectStart' in adapter.operations ? '/v1/connect' : outside(adapter);
const freshness: Url = ({ pages }) => pages?.freshness ?? null;
const keys: Url = ({ pages, docs }) => pages?.keys ?? docs;
const resume: Url = (adapter) =>
  'resume' in adapter.operations ? '/docs#/accounts/accounts.resume' : outside(adapter);

const TABLE: Record<
  HealthReason,
  readonly [code: Recommendation['code'], message: RegExp, url: Url]
> = {
  setup_pending: ['wait', /still setting the account up/, freshness],
  account_paused: ['resume', /Resume it/, resume],
  account_suspended: ['contact_provider', /Contact the provider's support/, ({ docs }) => docs],
  profile_unavailable: ['verify_handle', /Check its handle/, () => PROFILE],
  data_stale: ['wait', /not refreshed its metrics/, freshness],
  token_invalid: ['reconnect', /expired or was revoked\. [A-Z].+\.$/, reconnect],
  token_expiring: ['reconnect', /expires soon\. [A-Z].+\.$/, reconnect],
  provider_warning: ['reconnect', /a warning for this account\. [A-Z].+\.$/, reconnect],
  credential_rejected: ['check_credentials', /rejects the connection's key/, keys],
  provider_unreachable: ['wait', /three sweep intervals/, ({ id }) => `/v1/providers/${id}`],
  answer_unreadable: ['retry', /cannot be read\. Probe it/, nowhere],
  not_checked: ['retry', /has not checked this account/, nowhere],
  not_told: ['none', /does not report the health/, nowhere],
  permission_missing: ['reconnect', /permission .+ is missing.*\. [A-Z].+\.$/, reconnect],
};

test.each([
  ['outfame', 'token_invalid', 'https://www.outfame.com/docs'],
  ['outfame', 'account_paused', '/docs#/accounts/accounts.resume'],
  ['outfame', 'credential_rejected', 'https://www.outfame.com/docs/authentication'],
  ['creatoraudit', 'data_stale', 'https://docs.creatoraudit.com/data-freshness'],
  ['socialsyncer', 'token_expiring', '/v1/connect'],
  ['octopost', 'token_invalid', 'https://octopost.ink'],
  ['postiz', 'account_paused', 'https://platform.postiz.com'],
  ['postiz', 'token_invalid', '/v1/connect'],
  ['zernio', 'permission_missing', '/v1/connect'],
] as const)('%s sends a person with %s to %s', (provider, reason, url) => {
  const adapter = createRegistry().require(provider);
  expect(recommend({ status: 'warning', reason, fault: 'account' }, { adapter })).toMatchObject([
    { url },
  ]);
});

/** The words for machines that are not the recommendation's code. */
const NEXT_STEP: Partial<Record<HealthReason, NextStep>> = { profile_unavailable: 'reconnect' };

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))('at $id', ({ adapter }) => {
  const circumstances = { adapter, profileUrl: PROFILE };

  test.each(HEALTH_REASONS)('%s says what to do, and where', (reason) => {
    const [code, message, url] = TABLE[reason];
    const told = recommend({ status: 'unhealthy', reason, fault: 'account' }, circumstances);
    expect(told).toEqual([{ code, message: expect.stringMatching(message), url: url(adapter) }]);
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
      advice.map((message) => ({ code: 'reconnect', message, url: reconnect(adapter) })),
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
