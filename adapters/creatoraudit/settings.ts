import { z } from 'zod';
import { recordOf } from '../../src/model/index.js';

/** What create takes, with the bounds of `CreateAccountRequest`. */
export const createSettingsSchema = z.strictObject({
  creator_id: z.guid().nullish(),
  category: z.string().max(128).nullish(),
  metadata: recordOf(z.string().max(255), z.unknown(), 20)
    .refine(
      (tags) => Object.values(tags).every((tag) => typeof tag !== 'string' || tag.length <= 255),
      'at most 255 characters each',
    )
    .nullish(),
  scrape_interval_hours: z.int().min(6).max(720).optional(),
});

/**
 * What update takes: two overrides more, whose bounds are not published; `null` inherits the
 * organization's default.
 */
export const settingsSchema = createSettingsSchema.extend({
  max_recent_posts_per_account: z.int().nullish(),
  post_lookback_days: z.int().nullish(),
});
