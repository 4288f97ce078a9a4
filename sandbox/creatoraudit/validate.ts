import { z } from 'zod';
import { type Question, Refused } from '../message.js';
import { invalid, problem } from './problem.js';

/** Bounds as in CreatorAudit's OpenAPI document, `CreateAccountRequest`. */
const settings = {
  creator_id: z.uuid().nullable().exactOptional(),
  category: z.string().max(128).nullable().exactOptional(),
  metadata: z
    .record(z.string().max(255), z.unknown())
    .refine((tags) => Object.keys(tags).length <= 20, 'at most 20 keys')
    .refine(
      (tags) => Object.values(tags).every((value) => String(value).length <= 255),
      'at most 255 characters each',
    )
    .nullable()
    .exactOptional(),
  scrape_interval_hours: z.int().min(6).max(720).exactOptional(),
};

export const CreateAccount = z.object({
  platform: z.enum(['instagram', 'tiktok'], 'must be one of: instagram, tiktok'),
  username: z.string().min(1).max(128),
  ...settings,
});

/**
 * The body of PATCH is not documented: these are the fields that other pages say can be set.
 * Anything else is refused.
 */
export const UpdateAccount = z.strictObject({
  ...settings,
  is_active: z.boolean().exactOptional(),
  max_recent_posts_per_account: z.int().min(1).nullable().exactOptional(),
  post_lookback_days: z.int().min(1).nullable().exactOptional(),
});

export const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().exactOptional(),
  platform: z.enum(['instagram', 'tiktok']).exactOptional(),
  q: z.string().exactOptional(),
  is_active: z.stringbool({ truthy: ['true'], falsy: ['false'] }).exactOptional(),
  category: z.string().exactOptional(),
  creator_id: z.uuid().exactOptional(),
  order_by: z.enum(['added_at', 'follower_count']).exactOptional(),
  order_direction: z.enum(['asc', 'desc']).exactOptional(),
  sort: z.enum(['added_at', '-added_at', 'follower_count', '-follower_count']).default('-added_at'),
  include_total: z.stringbool({ truthy: ['true'], falsy: ['false'] }).default(false),
});
export type ListQuery = z.infer<typeof ListQuery>;

/** The value as the schema has it, or 422 naming each field. */
export function valid<Shape>(schema: z.ZodType<Shape>, value: unknown): Shape {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(
    result.error.issues.map(({ path, message }) => ({ field: path.join('.'), message })),
  );
}

/** The body of a write, which must be JSON and say so. */
export function jsonBody<Shape>(question: Question, schema: z.ZodType<Shape>): Shape {
  if (!/^application\/([\w.+-]+\+)?json\b/.test(question.headers['content-type'] ?? '')) {
    throw new Refused(
      problem(415, 'UNSUPPORTED_MEDIA_TYPE', 'Unsupported Media Type', 'Send application/json.'),
    );
  }
  return valid(schema, parsed(question.text));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(
      problem(400, 'BAD_REQUEST', 'Bad Request', 'The request body is not valid JSON.'),
    );
  }
}
