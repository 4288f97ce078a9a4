import { z } from 'zod';
import { byAction, items, read } from '../../src/model/index.js';

/** No account loses more than it has. */
const MIN_GROWTH_PERCENT = -100;

/**
 * One account. List items may be summaries without `following_count`, `targeting_config` and
 * `daily_limits` (/docs/api/accounts).
 */
export const accountSchema = z.object({
  id: read.id(),
  instagram_username: read.name(),
  platform: read.platform(),
  status: read.word('setup', 'active', 'paused', 'suspended'),
  followers_count: read.count(),
  following_count: read.count(),
  engagement_rate: read.rate(0),
  growth_rate: read.rate(MIN_GROWTH_PERCENT),
  targeting_config: read.object(),
  daily_limits: read.object(),
  created_at: read.instant(),
  updated_at: read.instant(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** How the answers that are no account name the one that they are about. */
export const accountIdSchema = z.string().nullish();

/**
 * A page of `item`. Only `has_more` marks its end: the last page's `next_cursor` is not
 * documented.
 */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z
    .object({
      data: items(item),
      has_more: z.boolean(),
      next_cursor: z.string().nullish(),
    })
    .refine((page) => !page.has_more || page.next_cursor, {
      path: ['next_cursor'],
      error: 'missing although has_more is true',
    });
}

export const activitySchema = z.object({
  id: read.id(),
  type: z.string(),
  status: read.text().catch(null),
  target_username: read.text().catch(null),
  target_post_id: read.text().catch(null),
  source: read.text().catch(null),
  quality_score: read.rate(0).catch(null),
  performed_at: read.instant().catch(null),
});
export type ActivityWire = z.output<typeof activitySchema>;

export const statsSchema = z.object({
  account_id: accountIdSchema,
  date: z.iso.date(),
  actions: byAction(z.object({ performed: z.number(), limit: z.number(), remaining: z.number() })),
  total_actions_today: read.count().catch(null),
  conversion_rates: byAction(z.number()).nullish(),
  avg_quality_score: read.rate(0).catch(null),
  next_action_at: read.instant().catch(null),
  resets_at: read.instant().catch(null),
});
export type StatsWire = z.output<typeof statsSchema>;

/** Proven for 429 (/docs/guides/rate-limits); other errors are read the same way. */
export const errorBodySchema = z.object({
  error: z.object({
    code: z.string().nullish(),
    message: z.string().nullish(),
    retry_after: read.rate(0).catch(null),
  }),
});
