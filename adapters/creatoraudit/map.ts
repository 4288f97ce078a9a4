import type { MappedAccount, State, UnreadableFields } from '../../src/model/index.js';
import { handle, STATES } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

const HOUR_MS = 3_600_000;

/** At the provider, where an account has none of its own. */
const DEFAULT_SCRAPE_INTERVAL_HOURS = 24;

/**
 * The account has no status field: its state is read from its facts, the gravest first. `is_active`
 * null counts as active. A fact that cannot be read leaves open what comes after it.
 */
function mapState(wire: AccountWire, observedAt: Date, unreadable: UnreadableFields): State {
  if (unreadable.has('is_unavailable')) return STATES.answer_unreadable;
  if (wire.is_unavailable) return STATES.profile_unavailable;
  if (unreadable.has('is_active')) return STATES.answer_unreadable;
  if (wire.is_active === false) return STATES.account_paused;
  if (unreadable.has('last_scrape_time')) return STATES.answer_unreadable;
  if (wire.last_scrape_time === null) return STATES.setup_pending;
  const age = observedAt.getTime() - Date.parse(wire.last_scrape_time);
  const intervalHours = wire.scrape_interval_hours ?? DEFAULT_SCRAPE_INTERVAL_HOURS;
  if (age <= 2 * intervalHours * HOUR_MS) return STATES.healthy;
  return unreadable.has('scrape_interval_hours') ? STATES.answer_unreadable : STATES.data_stale;
}

/**
 * (likes + comments + shares) / views in percent, as the provider's own pages compute it
 * (/concepts); four decimals.
 */
function engagementRate(wire: AccountWire): number | null {
  const { view_count: views, like_count: likes, comment_count: comments } = wire;
  if (!views || likes === null || comments === null || wire.share_count === null) return null;
  return Number((((likes + comments + wire.share_count) / views) * 100).toFixed(4));
}

/**
 * Counters and the badge are 0 and false by default: before the first refresh they are no data, and
 * neither where it is not known whether there was one.
 */
function mapMetrics(
  wire: AccountWire,
  unreadable: UnreadableFields,
): NonNullable<MappedAccount['metrics']> {
  const isRefreshed = wire.last_scrape_time !== null;
  if (!isRefreshed && !unreadable.has('last_scrape_time')) return {};
  const knownCount = (count: number | null) => (isRefreshed || count !== 0 ? count : null);
  return {
    followers: knownCount(wire.follower_count),
    following: knownCount(wire.following_count),
    posts: knownCount(wire.profile_post_count),
    views: knownCount(wire.view_count),
    likes: knownCount(wire.like_count),
    comments: knownCount(wire.comment_count),
    shares: knownCount(wire.share_count),
    saves: knownCount(wire.saved_count),
    engagementRate: isRefreshed ? engagementRate(wire) : null,
    asOf: wire.last_scrape_time,
  };
}

export function mapAccount(
  wire: AccountWire,
  observedAt: Date,
  unreadable: UnreadableFields,
): MappedAccount {
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    username: handle(wire.username),
    displayName: wire.name,
    avatarUrl: wire.profile_pic_url ?? wire.profile_pic_url_original,
    isVerified: wire.last_scrape_time === null ? null : wire.is_verified,
    ...mapState(wire, observedAt, unreadable),
    metrics: mapMetrics(wire, unreadable),
    settings: {
      creator_id: wire.creator_id,
      category: wire.category,
      metadata: wire.metadata,
      scrape_interval_hours: unreadable.has('scrape_interval_hours')
        ? null
        : (wire.scrape_interval_hours ?? DEFAULT_SCRAPE_INTERVAL_HOURS),
      max_recent_posts_per_account: wire.max_recent_posts_per_account,
      post_lookback_days: wire.post_lookback_days,
    },
    connectedAt: wire.added_at,
  };
}
