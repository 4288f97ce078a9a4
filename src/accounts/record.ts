import { createHash } from 'node:crypto';
import type { AnyAdapter } from '../model/index.js';
import type { Observation } from '../providers/index.js';
import { usernameKey } from './account-filter.js';
import { recommend } from './recommendations.js';

/**
 * A observation as a row of `accounts`, in the columns' names; `content_hash` is over all the rest.
 */
export type AccountRecord = ReturnType<typeof contentOf> & { readonly content_hash: string };

export function toRecord(observation: Observation, adapter: AnyAdapter): AccountRecord {
  const content = contentOf(observation, adapter);
  const hash = createHash('sha1').update(JSON.stringify(content)).digest('base64url');
  return { ...content, content_hash: hash };
}

function contentOf({ account, remoteData }: Observation, adapter: AnyAdapter) {
  const { verdict, metrics } = account;
  return {
    provider_account_id: account.providerAccountId,
    platform: account.platform,
    platform_user_id: account.platformUserId,
    username: account.username,
    username_key: account.username === null ? null : usernameKey(account.username),
    display_name: account.displayName,
    avatar_url: account.avatarUrl,
    profile_url: account.profileUrl,
    is_verified: account.isVerified,
    status: account.status,
    provider_status: account.providerStatus,
    health_status: verdict.status,
    health_reason: verdict.reason,
    health_fault: verdict.fault,
    token_valid: account.tokenValid,
    permissions: account.permissions,
    token_expires_at: account.tokenExpiresAt,
    recommendations: recommend(verdict, {
      adapter,
      advice: account.advice,
      profileUrl: account.profileUrl,
    }),
    followers: metrics.followers,
    following: metrics.following,
    posts: metrics.posts,
    views: metrics.views,
    likes: metrics.likes,
    comments: metrics.comments,
    shares: metrics.shares,
    saves: metrics.saves,
    engagement_rate: metrics.engagementRate,
    growth_rate_30d: metrics.growthRate30d,
    metrics_as_of: metrics.asOf,
    settings: account.settings,
    remote_data: remoteData,
    connected_at: account.connectedAt,
    last_used_at: account.lastUsedAt,
    provider_updated_at: account.providerUpdatedAt,
  };
}
