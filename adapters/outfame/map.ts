import type {
  Activity,
  DailyStats,
  ObservedAccount,
  Settings,
  UnreadableFields,
  Verdict,
} from '../../src/model/index.js';
import { HEALTHY, handle, NO_METRICS, profileUrl, UNREADABLE } from '../../src/model/index.js';
import type { AccountWire, ActivityWire, StatsWire } from './schema.js';

const VERDICTS: Readonly<Record<NonNullable<AccountWire['status']>, Verdict>> = {
  setup: { status: 'unknown', reason: 'setup_pending', fault: null },
  active: HEALTHY,
  paused: { status: 'warning', reason: 'account_paused', fault: 'account' },
  suspended: { status: 'unhealthy', reason: 'account_suspended', fault: 'account' },
};

/** `null` for a summary, which has neither part. */
function mapSettings({ targeting_config, daily_limits }: AccountWire): Settings | null {
  const known = Object.entries({ targeting_config, daily_limits }).filter(
    ([, value]) => value !== null,
  );
  return known.length === 0 ? null : Object.fromEntries(known);
}

export function mapAccount(
  wire: AccountWire,
  _observedAt: Date,
  unreadable: UnreadableFields,
): ObservedAccount {
  // The field holds TikTok handles too; `platform` says which platform it is.
  const username = handle(wire.instagram_username);
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    username,
    profileUrl: profileUrl(wire.platform, username),
    status: wire.status,
    // A word that is not documented is kept as it came.
    providerStatus: wire.status ?? unreadable.get('status') ?? null,
    verdict: wire.status === null ? UNREADABLE : VERDICTS[wire.status],
    advice: [],
    metrics: {
      ...NO_METRICS,
      followers: wire.followers_count,
      following: wire.following_count,
      engagementRate: wire.engagement_rate,
      growthRate30d: wire.growth_rate,
      asOf: wire.updated_at,
    },
    settings: mapSettings(wire),
    connectedAt: wire.created_at,
    providerUpdatedAt: wire.updated_at,
  };
}

export function mapActivity(wire: ActivityWire): Activity {
  return {
    id: wire.id,
    type: wire.type,
    status: wire.status,
    targetUsername: wire.target_username,
    targetPostId: wire.target_post_id,
    source: wire.source,
    qualityScore: wire.quality_score,
    performedAt: wire.performed_at,
  };
}

export function mapStats(wire: StatsWire): DailyStats {
  return {
    date: wire.date,
    actions: wire.actions,
    totalActions: wire.total_actions_today,
    conversionRates: wire.conversion_rates ?? {},
    averageQualityScore: wire.avg_quality_score,
    nextActionAt: wire.next_action_at,
    resetsAt: wire.resets_at,
  };
}

/** The cursor of the page after this one. */
export function nextCursor(page: {
  readonly has_more: boolean;
  readonly next_cursor?: string | null | undefined;
}): string | undefined {
  return page.has_more ? (page.next_cursor ?? undefined) : undefined;
}
