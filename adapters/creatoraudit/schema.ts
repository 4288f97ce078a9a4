import { z } from 'zod';
import type { components } from './provider.gen.js';

type Documented = components['schemas'];

const count = z.int().nullish();
const text = z.string().nullish();
const DEFAULT_SCRAPE_INTERVAL_HOURS = 24;

/**
 * One account. Counters default to 0 at the provider: before the first refresh they are no data.
 */
export const accountSchema = z.object({
  id: z.string().min(1),
  platform: z.string().min(1).toLowerCase(),
  username: z.string(),
  name: text,
  profile_pic_url: text,
  profile_pic_url_original: text,
  is_verified: z.boolean().nullish(),
  is_active: z.boolean().nullish(),
  is_unavailable: z.boolean().nullish(),
  creator_id: text,
  category: text,
  metadata: z.record(z.string(), z.unknown()).nullish(),
  added_at: text,
  // The status rests on this time: one that cannot be read must not pass for "never refreshed".
  last_scrape_time: z.iso.datetime({ offset: true }).nullish(),
  scrape_interval_hours: z
    .int()
    .nullish()
    .transform((hours) => hours ?? DEFAULT_SCRAPE_INTERVAL_HOURS),
  follower_count: count,
  following_count: count,
  profile_post_count: count,
  view_count: count,
  like_count: count,
  comment_count: count,
  share_count: count,
  saved_count: count,
  max_recent_posts_per_account: count,
  post_lookback_days: count,
});
export type AccountWire = z.output<typeof accountSchema>;

/** An account object as it came, for `accountSchema` to read later. Responses wrap it in `data`. */
export const rawAccountSchema = z.object({ data: z.looseObject({}) });

export const pageSchema = z.object({
  data: z.array(z.unknown()),
  pagination: z
    .object({ has_next: z.boolean(), next_cursor: text })
    .refine((page) => !page.has_next || page.next_cursor, {
      path: ['next_cursor'],
      error: 'missing although has_next is true',
    }),
});

/** RFC 9457 problem details. */
export const errorBodySchema = z.object({ code: text, detail: text });

/**
 * The part of `Theirs` that `Schema` reads. Compiles only while each field read is documented and
 * each documented value is taken.
 */
export type ReadPart<
  Schema extends z.ZodType,
  Theirs extends z.input<Schema> & Record<keyof z.input<Schema>, unknown>,
> = Pick<Theirs, keyof z.input<Schema>>;
export type DocumentedAccount = ReadPart<typeof accountSchema, Documented['AccountResponse']>;
export type DocumentedFault = ReadPart<typeof errorBodySchema, Documented['ProblemDetail']>;
