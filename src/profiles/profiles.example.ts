import type { MemberFacts } from './member-facts.js';
import { membershipsOf } from './membership.js';
import { mergeProfile } from './merge.js';
import { profileDocument } from './profile-document.js';

const NOW = new Date('2026-02-09T11:46:00.000Z');

const unknown = {
  avatar_url: null,
  is_verified: null,
  following: null,
  posts: null,
  views: null,
  likes: null,
  comments: null,
  shares: null,
  saves: null,
  growth_rate_30d: null,
};

const common = {
  ...unknown,
  profileId: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
  platform: 'instagram',
  username: 'yourhandle',
  profile_url: 'https://www.instagram.com/yourhandle',
  labels: {},
  healthCheckedAt: new Date('2026-02-09T11:45:22.000Z'),
  observedAt: new Date('2026-02-09T11:45:22.000Z'),
  intervalSeconds: 300,
  createdAt: new Date('2026-01-15T08:31:07.000Z'),
  updatedAt: new Date('2026-02-08T07:10:03.000Z'),
};

/** One at Octopost whose token was revoked, and one that CreatorAudit measures. */
const members: readonly MemberFacts[] = [
  {
    ...common,
    id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
    provider: 'octopost',
    providerAccountId: 'acc_abc123',
    role: 'publisher',
    platform_user_id: '17841400123456789',
    display_name: 'Your Brand',
    status: 'reconnect_required',
    healthStatus: 'unhealthy',
    healthReason: 'token_invalid',
    healthFault: 'account',
    healthSince: new Date('2026-02-08T07:10:03.000Z'),
    followers: null,
    engagement_rate: null,
    metricsAsOf: null,
  },
  {
    ...common,
    id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d5',
    provider: 'creatoraudit',
    providerAccountId: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
    role: 'measurement',
    platform_user_id: null,
    display_name: null,
    is_verified: true,
    status: 'active',
    healthStatus: 'healthy',
    healthReason: null,
    healthFault: null,
    healthSince: new Date('2026-01-15T08:31:07.000Z'),
    followers: 14_832,
    engagement_rate: 4.17,
    metricsAsOf: new Date('2026-02-09T08:00:00.000Z'),
  },
];

const { groups, of } = membershipsOf(members, [], [], () => 'global', NOW);
const grouping = { id: common.profileId, match: groups[0]?.match ?? 'none', candidates: [] };

/** What a profile looks like in the reference. */
export const PROFILE_EXAMPLE: unknown = JSON.parse(
  JSON.stringify(profileDocument(grouping, mergeProfile(members, [], NOW), members, of)),
);
