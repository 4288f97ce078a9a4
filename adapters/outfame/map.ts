import type {
  Activity,
  DailyStats,
  ObservedAccount,
  Settings,
  Verdict,
} from '../../src/model/index.js';
import { HEALTHY, handle, NO_METRICS, profileUrl, utc } from '../../src/model/index.js';
import type { AccountWire, ActivityWire, StatsWire } from './schema.js';

const VERDICTS: Readonly<Record<AccountWire['status'], Verdict>> = {
  setup: { status: 'unknown', reason: 'setup_pending', fault: null },
  active: HEALTHY,
  paused: { status: 'warning', reason: 'account_paused', fault: 'account' },
  suspended: { status: 'unhealthy', reason: 'account_suspended', fault: 'account' },
};

/** `null` for a summary, which has neither part. */
function mapSettings({ targeting_config, daily_limits }: AccountWire): Settings | null {
  const told = Object.entries({ targeting_config, daily_limits }).filter(
    ([, value]) => value != null,
  );
  return told.length === 0 ? null : Object.fromEntries(told);
}

export function mapAccount(wire: AccountWire): ObservedAccount {
  // The field holds TikTok handles too; `platform` tells which network it is.
  const username = handle(wire.instagram_username);
  const updatedAt = utc(wire.updated_at);
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    platformUserId: null,
    username,
    displayName: null,
    avatarUrl: null,
    profileUrl: profileUrl(wire.platform, username),
    isVerified: null,
    status: wire.status,
    providerStatus: wire.status,
    verdict: VERDICTS[wire.status],
    tokenValid: null,
    permissions: null,
    tokenExpiresAt: null,
    advice: [],
    metrics: {
      ...NO_METRICS,
      followers: wire.followers_count ?? null,
      following: wire.following_count ?? null,
      engagementRate: wire.engagement_rate ?? null,
      growthRate30d: wire.growth_rate ?? null,
      asOf: updatedAt,
    },
    settings: mapSettings(wire),
    connectedAt: utc(wire.created_at),
    lastUsedAt: null,
    providerUpdatedAt: updatedAt,
  };
}

export function mapActivity(wire: ActivityWire): Activity {
  return {
    id: wire.id,
    type: wire.type,
    status: wire.status ?? null,
    targetUsername: wire.target_username ?? null,
    targetPostId: wire.target_post_id ?? null,
    source: wire.source ?? null,
    qualityScore: wire.quality_score ?? null,
    performedAt: utc(wire.performed_at),
  };
}

export function mapStats(wire: StatsWire): DailyStats {
  return {
    date: wire.date,
    actions: wire.actions,
    totalActions: wire.total_actions_today ?? null,
    conversionRates: wire.conversion_rates ?? {},
    averageQualityScore: wire.avg_quality_score ?? null,
    nextActionAt: utc(wire.next_action_at),
    resetsAt: utc(wire.resets_at),
  };
}

/** The cursor of the page after this one. */
export function nextCursor(page: {
  readonly has_more: boolean;
  readonly next_cursor?: string | null | undefined;
}): string | undefined {
  return page.has_more ? (page.next_cursor ?? undefined) : undefined;
}
