import { z } from 'zod';
import type { Cursors } from '../http/cursor.js';
import { dataOf, links, listOf, timestamp } from '../http/page.js';
import { ACTION_PROBLEMS } from '../http/problem.js';
import { contextOf, endpoint } from '../http/route.js';
import { byAccount, paging } from '../http/validate.js';
import type { Activity, DailyStats } from '../model/index.js';
import type { Providers } from '../providers/index.js';
import type { AccountsService } from './accounts.service.js';

const activitySchema = z
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

const statsSchema = z
  .object({
    type: z.literal('stats'),
    account_id: z.string(),
    date: z.string(),
    actions: z.record(
      z.string(),
      z.object({ performed: z.number(), limit: z.number(), remaining: z.number() }),
    ),
    total_actions: z.number().nullable(),
    conversion_rates: z.record(z.string(), z.number()),
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

/**
 * What a provider did for an account. These pass through to the provider: it alone keeps the log.
 */
export function engagementEndpoints(
  accounts: AccountsService,
  providers: Providers,
  cursors: Cursors,
) {
  return {
    activity: endpoint({
      summary: "List an account's engagement log, read from its provider",
      description: 'The provider reports no total: `include_total` is rejected.',
      params: byAccount,
      query: z.strictObject({
        type: z
          .enum(['like', 'follow', 'comment', 'story_view'], {
            error: 'must be like, follow, comment or story_view',
          })
          .optional()
          .meta({ description: 'Only actions of this type.' }),
        date: z.iso
          .date({ error: 'must be a date such as 2026-02-09' })
          .optional()
          .meta({ description: 'Only actions on this day.' }),
        limit: paging.limit,
        cursor: paging.cursor,
      }),
      answers: { 200: listOf(activitySchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const { row, access } = await accounts.accessFor(call.caller, call.params.id, 'activity');
        const { limit, cursor, type, date } = call.query;
        const filters = {
          ...(type !== undefined && { type }),
          ...(date !== undefined && { date }),
        };
        const question = ['activity', row.id, filters];
        const page = await providers.activity(
          access,
          {
            id: row.provider_account_id,
            type,
            date,
            limit,
            cursor: cursor === undefined ? undefined : cursors.decode(cursor, question).id,
          },
          { ...contextOf(call), signal: call.signal },
        );
        const next =
          page.next === undefined ? null : cursors.encode({ value: null, id: page.next }, question);
        const pagination = { next_cursor: next, has_next: next !== null, limit };
        return {
          status: 200,
          body: { data: page.items.map(toActivity), pagination, filters },
          headers: { Link: links(call, next) },
        };
      },
    }),

    stats: endpoint({
      summary: "Get an account's engagement statistics for today, read from its provider",
      params: byAccount,
      answers: { 200: dataOf(statsSchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const { row, access } = await accounts.accessFor(call.caller, call.params.id, 'stats');
        const stats = await providers.stats(
          access,
          { id: row.provider_account_id },
          { ...contextOf(call), signal: call.signal },
        );
        return { status: 200, body: { data: toStats(row.id, stats) } };
      },
    }),
  };
}

function toActivity(activity: Activity): z.input<typeof activitySchema> {
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

function toStats(accountId: string, stats: DailyStats): z.input<typeof statsSchema> {
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
