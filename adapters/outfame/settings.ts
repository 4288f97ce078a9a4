import { z } from 'zod';

const cap = z.int().min(0).optional();

/**
 * Bounds of /docs/api/targeting. The safe ranges of `daily_limits` are not published: Outfame
 * judges them itself.
 */
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
          age_range: z
            .strictObject({ min: z.int().optional(), max: z.int().optional() })
            .optional(),
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
  daily_limits: z
    .strictObject({ likes: cap, follows: cap, comments: cap, story_views: cap })
    .optional(),
});
