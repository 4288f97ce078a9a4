import type {
  Metrics,
  ObservedAccount,
  ProviderGivenStatus,
  Verdict,
} from '../../src/model/index.js';
import { HEALTHY, handle, NO_METRICS, profileUrl, utc } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

const HOUR_MS = 3_600_000;

/**
 * The account has no status field: its state is read from its facts, the gravest first. `is_active`
 * null counts as active.
 */
function mapState(
  wire: AccountWire,
  observedAt: Date,
): { readonly status: ProviderGivenStatus; readonly verdict: Verdict } {
  if (wire.is_unavailable) {
    return {
      status: 'unavailable',
      verdict: { status: 'unhealthy', reason: 'profile_unavailable', fault: 'account' },
    };
  }
  if (wire.is_active === false)
    return {
      status: 'paused',
      verdict: { status: 'warning', reason: 'account_paused', fault: 'account' },
    };
  if (wire.last_scrape_time == null)
    return {
      status: 'setup',
      verdict: { status: 'unknown', reason: 'setup_pending', fault: null },
    };
  const age = observedAt.getTime() - Date.parse(wire.last_scrape_time);
  if (age > 2 * wire.scrape_interval_hours * HOUR_MS) {
    return {
      status: 'active',
      verdict: { status: 'warning', reason: 'data_stale', fault: 'provider' },
    };
  }
  return { status: 'active', verdict: HEALTHY };
}

/**
 * (likes + comments + shares) / views in percent, as the provider's own pages compute it
 * (/concepts); four decimals.
 */
function engagementRate({
  view_count,
  like_count,
  comment_count,
  share_count,
}: AccountWire): number | null {
  if (!view_count || like_count == null || comment_count == null || share_count == null)
    return null;
  const percent = ((like_count + comment_count + share_count) / view_count) * 100;
  return Number(percent.toFixed(4));
}

function mapMetrics(wire: AccountWire): Metrics {
  if (wire.last_scrape_time == null) return NO_METRICS;
  return {
    ...NO_METRICS,
    followers: wire.follower_count ?? null,
    following: wire.following_count ?? null,
    posts: wire.profile_post_count ?? null,
    views: wire.view_count ?? null,
    likes: wire.like_count ?? null,
    comments: wire.comment_count ?? null,
    shares: wire.share_count ?? null,
    saves: wire.saved_count ?? null,
    engagementRate: engagementRate(wire),
    asOf: utc(wire.last_scrape_time),
  };
}

export function mapAccount(wire: AccountWire, observedAt: Date): ObservedAccount {
  const username = handle(wire.username);
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    platformUserId: null,
    username,
    displayName: wire.name || null,
    avatarUrl: wire.profile_pic_url || wire.profile_pic_url_original || null,
    profileUrl: profileUrl(wire.platform, username),
    // False by default, like the counters: no data before the first refresh.
    isVerified: wire.last_scrape_time == null ? null : (wire.is_verified ?? null),
    ...mapState(wire, observedAt),
    providerStatus: null,
    tokenValid: null,
    permissions: null,
    tokenExpiresAt: null,
    advice: [],
    metrics: mapMetrics(wire),
    settings: {
      creator_id: wire.creator_id ?? null,
      category: wire.category ?? null,
      metadata: wire.metadata ?? null,
      scrape_interval_hours: wire.scrape_interval_hours,
      max_recent_posts_per_account: wire.max_recent_posts_per_account ?? null,
      post_lookback_days: wire.post_lookback_days ?? null,
    },
    connectedAt: utc(wire.added_at),
    lastUsedAt: null,
    providerUpdatedAt: null,
  };
}
