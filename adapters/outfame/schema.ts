import { z } from 'zod';

const count = z.int().nullish();
const rate = z.number().nullish();
const text = z.string().nullish();

/**
 * One account. List items may be summaries without `following_count`, `targeting_config` and
 * `daily_limits` (/docs/api/accounts).
 */
export const accountSchema = z.object({
  id: z.string().min(1),
  instagram_username: z.string(),
  platform: z.string().min(1).toLowerCase(),
  status: z.enum(['setup', 'active', 'paused', 'suspended']),
  followers_count: count,
  following_count: count,
  engagement_rate: rate,
  growth_rate: rate,
  targeting_config: z.record(z.string(), z.unknown()).nullish(),
  daily_limits: z.record(z.string(), z.unknown()).nullish(),
  created_at: text,
  updated_at: text,
});
export type AccountWire = z.output<typeof accountSchema>;

/** An account object as it came, for `accountSchema` to read later. */
export const rawAccountSchema = z.looseObject({});

/**
 * A page of `item`. Its end is told by `has_more` alone: the last page's `next_cursor` is not
 * documented.
 */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z
    .object({ data: z.array(item), has_more: z.boolean(), next_cursor: text })
    .refine((page) => !page.has_more || page.next_cursor, {
      path: ['next_cursor'],
      error: 'missing although has_more is true',
    });
}

export const activitySchema = z.object({
  id: z.string().min(1),
  type: z.string(),
  status: text,
  target_username: text,
  target_post_id: text,
  source: text,
  quality_score: rate,
  performed_at: text,
});
export type ActivityWire = z.output<typeof activitySchema>;

export const statsSchema = z.object({
  date: z.iso.date(),
  actions: z.record(
    z.string(),
    z.object({ performed: z.number(), limit: z.number(), remaining: z.number() }),
  ),
  total_actions_today: count,
  conversion_rates: z.record(z.string(), z.number()).nullish(),
  avg_quality_score: rate,
  next_action_at: text,
  resets_at: text,
});
export type StatsWire = z.output<typeof statsSchema>;

/** Proven for 429 (/docs/guides/rate-limits); other errors are read the same way. */
export const errorBodySchema = z.object({
  error: z.object({ code: text, message: text, retry_after: z.number().nullish() }),
});
