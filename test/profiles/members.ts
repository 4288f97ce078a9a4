import fc from 'fast-check';
import { HEALTH_REASONS, HEALTH_STATUSES, ROLES } from '../../src/model/index.js';
import type { MemberFacts } from '../../src/profiles/member-facts.js';
import { mergeProfile } from '../../src/profiles/merge.js';

export const NOW = new Date('2026-03-10T12:00:00Z');
export const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

const blank: MemberFacts = {
  id: 'acct_1',
  profileId: 'prof_1',
  provider: 'acme',
  providerAccountId: '1',
  role: 'publisher',
  platform: 'instagram',
  platform_user_id: null,
  username: null,
  display_name: null,
  avatar_url: null,
  profile_url: null,
  is_verified: null,
  status: 'active',
  healthStatus: 'healthy',
  healthReason: null,
  healthFault: null,
  healthSince: minutesAgo(600),
  healthCheckedAt: minutesAgo(1),
  labels: {},
  followers: null,
  following: null,
  posts: null,
  views: null,
  likes: null,
  comments: null,
  shares: null,
  saves: null,
  engagement_rate: null,
  growth_rate_30d: null,
  metricsAsOf: null,
  observedAt: minutesAgo(1),
  intervalSeconds: 300,
  createdAt: minutesAgo(1_000),
  updatedAt: minutesAgo(500),
};

/** Members with ids in their order; each at a provider of its own unless it says otherwise. */
export const membersOf = (...given: Partial<MemberFacts>[]) =>
  given.map((facts, index) => ({
    ...blank,
    id: `acct_${index}`,
    provider: `vendor${index}`,
    ...facts,
  }));
export const merge = (...given: Partial<MemberFacts>[]) =>
  mergeProfile(membersOf(...given), [], NOW);

export const dead = {
  healthStatus: 'unhealthy',
  healthReason: 'token_invalid',
  healthFault: 'account',
} as const;
export const silent = {
  healthStatus: 'unknown',
  healthReason: 'provider_unreachable',
  healthFault: 'provider',
} as const;
export const untold = {
  healthStatus: 'unknown',
  healthReason: 'not_told',
  healthFault: null,
} as const;
export const paused = {
  healthStatus: 'warning',
  healthReason: 'account_paused',
  healthFault: 'account',
} as const;
export const expiring = { ...paused, healthReason: 'token_expiring' } as const;
export const stale = {
  healthStatus: 'warning',
  healthReason: 'data_stale',
  healthFault: 'provider',
} as const;
export const looking = { role: 'measurement' } as const;
export const growing = { role: 'growth' } as const;

const time = fc.integer({ min: 0, max: 60 }).map(minutesAgo);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null, freq: 2 });
const name = maybe(fc.constantFrom('', 'anna', 'Anna', 'ben'));
const count = maybe(fc.integer({ min: 0, max: 1_000 }));
const facts = fc.record({
  role: fc.constantFrom(...ROLES),
  provider: fc.constantFrom('acme', 'bolt', 'cargo'),
  platform_user_id: name,
  username: name,
  display_name: name,
  avatar_url: name,
  profile_url: name,
  is_verified: maybe(fc.boolean()),
  followers: count,
  following: count,
  engagement_rate: count,
  healthStatus: fc.constantFrom(...HEALTH_STATUSES),
  healthReason: maybe(fc.constantFrom(...HEALTH_REASONS)),
  healthFault: maybe(
    fc.constantFrom(
      'account' as const,
      'connection' as const,
      'provider' as const,
      'gateway' as const,
    ),
  ),
  metricsAsOf: maybe(time),
  observedAt: time,
  createdAt: time,
  updatedAt: time,
});
/** The members of any profile. */
export const several = fc
  .array(facts, { minLength: 1, maxLength: 6 })
  .map((given) => given.map((one, index) => ({ ...blank, ...one, id: `acct_${index}` })));
