import { z } from 'zod';
import { timestamp } from '../http/page.js';
import { type Activity, byAction, type DailyStats } from '../model/index.js';

export const activitySchema = z
  .object({
    id: z.string(),
    type: z.string(),
    status: z.string().nullable(),
    target_username: z.string().nullable(),
    target_post_id: z.string().nullable(),
    source: z.string().nullable(),
    quality_score: z.number().nullable(),
    performed_at: timestamp.nullable(),
  })
  .meta({
    id: 'Activity',
    examples: [
      {
        id: 'act_1',
        type: 'like',
        status: 'completed',
        target_username: 'trailrunner',
        target_post_id: '3141592653589793238',
        source: 'hashtag',
        quality_score: 87,
        performed_at: '2026-02-09T11:40:11.000Z',
      },
    ],
  });

export const statsSchema = z
  .object({
    type: z.literal('stats'),
    account_id: z.string(),
    date: z.string(),
    actions: byAction(
      z.object({ performed: z.number(), limit: z.number(), remaining: z.number() }),
    ),
    total_actions: z.number().nullable(),
    conversion_rates: byAction(z.number()),
    average_quality_score: z.number().nullable(),
    next_action_at: timestamp.nullable(),
    resets_at: timestamp.nullable(),
  })
  .meta({
    id: 'Stats',
    examples: [
      {
        type: 'stats',
        account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
        date: '2026-02-09',
        actions: { likes: { performed: 90, limit: 150, remaining: 60 } },
        total_actions: 90,
        conversion_rates: { likes: 3.2 },
        average_quality_score: 81.5,
        next_action_at: '2026-02-09T11:47:00.000Z',
        resets_at: '2026-02-10T00:00:00.000Z',
      },
    ],
  });

export function toActivity(activity: Activity): z.input<typeof activitySchema> {
  return {
    id: activity.id,
    type: activity.type,
    status: activity.status,
    target_username: activity.targetUsername,
    target_post_id: activity.targetPostId,
    source: activity.source,
    quality_score: activity.qualityScore,
    performed_at: activity.performedAt,
  };
}

export function toStats(accountId: string, stats: DailyStats): z.input<typeof statsSchema> {
  return {
    type: 'stats',
    account_id: accountId,
    date: stats.date,
    actions: stats.actions,
    total_actions: stats.totalActions,
    conversion_rates: stats.conversionRates,
    average_quality_score: stats.averageQualityScore,
    next_action_at: stats.nextActionAt,
    resets_at: stats.resetsAt,
  };
}
