import {
  PROVIDER_NAMES,
  type ProviderName,
  type Sandbox,
  startSandbox,
} from '../../sandbox/index.js';
import { afterAll, beforeAll, describe, expect, it } from '../support/jest.js';
import { control, type Item, items } from './caller.js';

const accounts = new Map<ProviderName, Item[]>();
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  for (const name of PROVIDER_NAMES)
    accounts.set(name, items(await control(sandbox, 'GET', `/${name}/accounts`), 'accounts'));
});
afterAll(() => sandbox.close());

const staleHours = ({ last_scrape_time }: Item) =>
  (Date.now() - Date.parse(String(last_scrape_time))) / 3_600_000;
const isStale = (account: Item) =>
  account.last_scrape_time !== null &&
  staleHours(account) > 2 * Number(account.scrape_interval_hours);

const isWarned = ({ status, tokenValid }: Item) => status === 'warning' && tokenValid === true;
const isMissing = ({ missingRequired }: Item) => (missingRequired as unknown[]).length > 0;

/** Each row of the status and health table, as the provider says it. */
const ROWS: readonly (readonly [ProviderName, string, (account: Item) => boolean])[] = [
  ...['setup', 'active', 'paused', 'suspended'].map(
    (status) => ['outfame', status, (account: Item) => account.status === status] as const,
  ),
  ['creatoraudit', 'unavailable', ({ is_unavailable }) => is_unavailable === true],
  [
    'creatoraudit',
    'paused',
    ({ is_active, is_unavailable }) => is_active === false && is_unavailable === false,
  ],
  [
    'creatoraudit',
    'never refreshed',
    ({ last_scrape_time, is_unavailable }) => last_scrape_time === null && is_unavailable === false,
  ],
  ['creatoraudit', 'stale', (account) => isStale(account) && account.is_active === true],
  [
    'creatoraudit',
    'tracked',
    (account) =>
      account.is_active === true && account.last_scrape_time !== null && !isStale(account),
  ],
  ['creatoraudit', 'is_active unknown', ({ is_active }) => is_active === null],
  ['socialsyncer', 'token lost', ({ tokenValid }) => tokenValid === false],
  [
    'socialsyncer',
    'token lost though called healthy',
    ({ tokenValid, health }) => tokenValid === false && health === 'healthy',
  ],
  [
    'socialsyncer',
    'healthy',
    ({ tokenValid, health }) => tokenValid === true && health === 'healthy',
  ],
  [
    'socialsyncer',
    'warning',
    ({ tokenValid, health }) => tokenValid === true && health === 'warning',
  ],
  [
    'socialsyncer',
    'an unknown word',
    ({ tokenValid, health }) => tokenValid === true && health === 'degraded',
  ],
  ['octopost', 'active', ({ is_active }) => is_active === true],
  ['octopost', 'inactive', ({ is_active }) => is_active === false],
  ['octopost', 'an unknown network', ({ platform }) => platform === 'discord'],
  ['postiz', 'enabled, of a customer', (item) => item.disabled === false && item.customer !== null],
  ['postiz', 'disabled', ({ disabled }) => disabled === true],
  ['zernio', 'healthy', ({ status }) => status === 'healthy'],
  ['zernio', 'a warning for no missing scope', (item) => isWarned(item) && !isMissing(item)],
  ['zernio', 'a missing scope', (item) => isWarned(item) && isMissing(item)],
  ['zernio', 'a dead grant', ({ needsReconnection }) => needsReconnection === true],
  ['zernio', 'no health', ({ status }) => status === null],
];

describe('the seeded accounts', () => {
  it.each(ROWS)('show at %s: %s', (provider, _row, isShown) => {
    expect(accounts.get(provider)?.filter(isShown).length).toBeGreaterThan(0);
  });

  it('hold one handle at all providers, with one network id where it is told', () => {
    const handle = ({
      username,
      instagram_username,
      profile,
      platform,
      providerIdentifier,
    }: Item) =>
      /^instagram/.test(String(platform ?? providerIdentifier)) &&
      (username ?? instagram_username ?? profile) === 'acmefitness';
    for (const name of PROVIDER_NAMES) expect(accounts.get(name)?.filter(handle)).toHaveLength(1);
    expect(accounts.get('socialsyncer')?.find(handle)?.accountId).toBe('17841400123456789');
    expect(accounts.get('octopost')?.find(handle)?.platform_user_id).toBe('17841400123456789');
  });

  it('share a bare id between Outfame and Octopost', () => {
    for (const name of ['outfame', 'octopost'] as const)
      expect(accounts.get(name)?.map(({ id }) => id)).toContain('acc_Twin00Same');
  });
});
