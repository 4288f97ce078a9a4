import { z } from 'zod';

const count = z.int().nullish();
const rate = z.number().nullish();
const text = z.string().nullish();

/** One account. List items may be summaries without `following_count`, `targeting_config` and `daily_limits` (/docs/api/accounts). */
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

/** A page of `item`. Its end is told by `has_more` alone: the last page's `next_cursor` is not documented. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z
    .object({ data: z.array(item), has_more: z.boolean(), next_cursor: text })
    .refine((page) => !page.has_more || page.next_cursor, { path: ['next_cursor'], error: 'missing although has_more is true' });
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
  actions: z.record(z.string(), z.object({ performed: z.number(), limit: z.number(), remaining: z.number() })),
  total_actions_today: count,
  conversion_rates: z.record(z.string(), z.number()).nullish(),
  avg_quality_score: rate,
  next_action_at: text,
  resets_at: text,
});
export type StatsWire = z.output<typeof statsSchema>;

/** Proven for 429 (/docs/guides/rate-limits); other errors are read the same way. */
export const faultSchema = z.object({ error: z.object({ code: text, message: text, retry_after: z.number().nullish() }) });

const cap = z.int().min(0).optional();

/** Bounds of /docs/api/targeting. The safe ranges of `daily_limits` are not published: Outfame judges them itself. */
export const settingsSchema = z.strictObject({
  targeting_config: z
    .strictObject({
      competitor_accounts: z.array(z.string()).max(20).optional(),
      hashtags: z.array(z.string()).max(30).optional(),
      locations: z
        .array(z.strictObject({ name: z.string(), radius_km: z.number().min(1).max(200) }))
        .max(10)
        .optional(),
      interests: z.array(z.string()).max(15).optional(),
      filters: z
        .strictObject({
          age_range: z.strictObject({ min: z.int().optional(), max: z.int().optional() }).optional(),
          gender: z.enum(['all', 'male', 'female']).optional(),
          language: z.string().nullish(),
          activity_level: z.enum(['low', 'medium', 'high', 'very_high']).optional(),
          min_followers: z.int().optional(),
          max_followers: z.int().nullish(),
          min_engagement_rate: z.number().optional(),
          has_profile_picture: z.boolean().optional(),
          is_business_account: z.boolean().nullish(),
          exclude_private: z.boolean().optional(),
        })
        .optional(),
    })
    .optional(),
  daily_limits: z.strictObject({ likes: cap, follows: cap, comments: cap, story_views: cap }).optional(),
});
