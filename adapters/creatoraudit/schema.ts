import { z } from 'zod';
import { items, read } from '../../src/model/index.js';
import type { components } from './provider.gen.js';

type Documented = components['schemas'];

/** One account. Counters default to 0: before the first refresh they are no data. */
export const accountSchema = z.object({
  id: read.id(),
  platform: read.platform(),
  username: read.name(),
  name: read.text(),
  profile_pic_url: read.url(),
  profile_pic_url_original: read.url(),
  is_verified: read.flag(),
  is_active: read.flag(),
  is_unavailable: read.flag(),
  creator_id: read.text(),
  category: read.text(),
  metadata: read.object(),
  added_at: read.instant(),
  last_scrape_time: read.instant(),
  scrape_interval_hours: read.count(),
  follower_count: read.count(),
  following_count: read.count(),
  profile_post_count: read.count(),
  view_count: read.count(),
  like_count: read.count(),
  comment_count: read.count(),
  share_count: read.count(),
  saved_count: read.count(),
  max_recent_posts_per_account: read.count(),
  post_lookback_days: read.count(),
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
