/**
 * The canonical Account as PostgreSQL builds it: one JSON document a row, so that a page goes from
 * the table to the socket without a detour over objects. `a` is the row of `accounts`, `c` its
 * connection.
 */

import { utc } from '../database/sql.js';

/** The tables every account document is built from. */
export const FROM_ACCOUNTS = 'accounts a JOIN connections c ON c.id = a.connection_id';

/**
 * When the account was last looked at: its own row's evidence, or the last complete sweep, which
 * saw it unchanged. An account that is gone, or that a sweep missed or could not read, keeps its
 * own time.
 */
const checkedAt = `CASE WHEN a.missing_since IS NULL AND a.quarantined_at IS NULL AND a.disconnected_at IS NULL
  THEN GREATEST(a.checked_at, c.swept_at) ELSE a.checked_at END`;

export const REF = `a.provider || ':' || a.provider_account_id`;

export const HEALTH = `json_build_object(
  'status', a.health_status, 'reason', a.health_reason, 'fault', a.health_fault,
  'token_valid', a.token_valid, 'permissions', a.permissions, 'token_expires_at', ${utc('a.token_expires_at')},
  'recommendations', a.recommendations, 'checked_at', ${utc(checkedAt)}, 'since', ${utc('a.health_since')})`;

const METRICS = `json_build_object(
  'followers', a.followers, 'following', a.following, 'posts', a.posts, 'views', a.views, 'likes', a.likes,
  'comments', a.comments, 'shares', a.shares, 'saves', a.saves,
  'engagement_rate', a.engagement_rate, 'growth_rate_30d', a.growth_rate_30d, 'as_of', ${utc('a.metrics_as_of')})`;

/**
 * @param operations placeholder of a jsonb object: provider → the operations its accounts offer
 * @param withRemoteData adds the provider's last raw object
 */
export function accountDocument(operations: string, withRemoteData: boolean): string {
  return `json_build_object(
    'id', a.id, 'type', 'account', 'ref', ${REF},
    'provider', a.provider, 'provider_account_id', a.provider_account_id, 'connection_id', a.connection_id, 'profile_id', a.profile_id,
    'platform', a.platform, 'platform_user_id', a.platform_user_id,
    'username', a.username, 'display_name', a.display_name, 'avatar_url', a.avatar_url, 'profile_url', a.profile_url,
    'is_verified', a.is_verified, 'status', a.status, 'provider_status', a.provider_status,
    'health', ${HEALTH}, 'metrics', ${METRICS}, 'settings', a.settings,
    'operations', CASE WHEN a.status IN ('disconnecting', 'disconnected') THEN '[]'::jsonb ELSE ${operations}::jsonb -> a.provider END,
    'labels', a.labels,
    'connected_at', ${utc('a.connected_at')}, 'last_used_at', ${utc('a.last_used_at')},
    'provider_updated_at', ${utc('a.provider_updated_at')}, 'last_seen_at', ${utc(checkedAt)},
    'created_at', ${utc('a.created_at')}, 'updated_at', ${utc('a.updated_at')}, 'disconnected_at', ${utc('a.disconnected_at')}
    ${withRemoteData ? `, 'remote_data', a.remote_data` : ''})::text`;
}

/** The short form of the health list. */
export const ACCOUNT_HEALTH_DOCUMENT = `json_build_object(
  'id', a.id, 'ref', ${REF}, 'provider', a.provider, 'platform', a.platform, 'username', a.username,
  'status', a.status, 'health', ${HEALTH})::text`;
