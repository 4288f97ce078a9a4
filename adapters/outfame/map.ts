import type {
  Activity,
  DailyStats,
  MappedAccount,
  Settings,
  UnreadableFields,
} from '../../src/model/index.js';
import { handle, STATES } from '../../src/model/index.js';
import type { AccountWire, ActivityWire, StatsWire } from './schema.js';

const STATE_OF = {
  setup: STATES.setup_pending,
  active: STATES.healthy,
  paused: STATES.account_paused,
  suspended: STATES.account_suspended,
} as const;

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
): MappedAccount {
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    // The field holds TikTok handles too; `platform` says which platform it is.
    username: handle(wire.instagram_username),
    ...(wire.status === null ? STATES.answer_unreadable : STATE_OF[wire.status]),
    // A word that is not documented is kept as it came.
    providerStatus: wire.status ?? unreadable.get('status') ?? null,
    metrics: {
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
