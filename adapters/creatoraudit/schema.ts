import { z } from 'zod';
import {
  count,
  flag,
  id,
  instant,
  items,
  name,
  object,
  platform,
  text,
  url,
} from '../../src/model/index.js';
import type { components } from './provider.gen.js';

type Documented = components['schemas'];

/** One account. Counters default to 0: before the first refresh they are no data. */
export const accountSchema = z.object({
  id: id(),
  platform: platform(),
  username: name(),
  name: text(),
  profile_pic_url: url(),
  profile_pic_url_original: url(),
  is_verified: flag(),
  is_active: flag(),
  is_unavailable: flag(),
  creator_id: text(),
  category: text(),
  metadata: object(),
  added_at: instant(),
  last_scrape_time: instant(),
  scrape_interval_hours: count(),
  follower_count: count(),
  following_count: count(),
  profile_post_count: count(),
  view_count: count(),
  like_count: count(),
  comment_count: count(),
  share_count: count(),
  saved_count: count(),
  max_recent_posts_per_account: count(),
  post_lookback_days: count(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** An account object as it came, for `accountSchema` to read later. Responses wrap it in `data`. */
export const rawAccountSchema = z.object({ data: z.looseObject({}) });

/** The id of the account that an answer wraps; `undefined` where it wraps none. */
export function accountIdIn(answer: unknown): string | undefined {
  return z.object({ data: z.object({ id: z.string() }) }).safeParse(answer).data?.data.id;
}

export const pageSchema = z.object({
  data: items(z.unknown()),
  pagination: z
    .object({ has_next: z.boolean(), next_cursor: z.string().nullish() })
    .refine((page) => !page.has_next || page.next_cursor, {
      path: ['next_cursor'],
      error: 'missing although has_next is true',
    }),
});

/** RFC 9457 problem details. */
export const errorBodySchema = z.object({
  code: z.string().nullish(),
  detail: z.string().nullish(),
});

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
