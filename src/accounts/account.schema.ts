import { z } from 'zod';
import { timestamp } from '../http/page.js';
import {
  ACCOUNT_STATUSES,
  HEALTH_FAULTS,
  HEALTH_REASONS,
  HEALTH_STATUSES,
} from '../model/index.js';
import { ACCOUNT_EXAMPLE, ACCOUNT_HEALTH_EXAMPLE } from './account.example.js';
import { RECOMMENDATION_CODES } from './recommendations.js';

const time = timestamp.nullable();
const text = z.string().nullable();
const count = z.int().nullable();

export const healthSchema = z
  .object({
    status: z.enum(HEALTH_STATUSES),
    reason: z.enum(HEALTH_REASONS).nullable(),
    fault: z.enum(HEALTH_FAULTS).nullable(),
    token_valid: z.boolean().nullable(),
    permissions: z.array(z.string()).nullable(),
    token_expires_at: time,
    recommendations: z.array(
      z.object({
        code: z.enum(RECOMMENDATION_CODES),
        message: z.string(),
        url: z.string().nullable(),
      }),
    ),
    checked_at: timestamp,
    since: timestamp,
  })
  .meta({ id: 'Health' });

/** The canonical Account, as every route answers it. */
export const accountSchema = z
  .object({
    id: z.string(),
    type: z.literal('account'),
    ref: z.string(),
    provider: z.string(),
    provider_account_id: z.string(),
    connection_id: z.string(),
    profile_id: text,
    platform: z.string(),
    platform_user_id: text,
    username: text,
    display_name: text,
    avatar_url: text,
    profile_url: text,
    is_verified: z.boolean().nullable(),
    status: z.enum(ACCOUNT_STATUSES),
    provider_status: text,
    health: healthSchema,
    metrics: z.object({
      followers: count,
      following: count,
      posts: count,
      views: count,
      likes: count,
      comments: count,
      shares: count,
      saves: count,
      engagement_rate: z.number().nullable(),
      growth_rate_30d: z.number().nullable(),
      as_of: time,
    }),
    settings: z.record(z.string(), z.unknown()).nullable(),
    operations: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
    connected_at: time,
    last_used_at: time,
    provider_updated_at: time,
    last_seen_at: time,
    created_at: timestamp,
    updated_at: timestamp,
    disconnected_at: time,
    remote_data: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Account', examples: [ACCOUNT_EXAMPLE] });

/** An item of the health list. */
export const accountHealthSchema = accountSchema
  .pick({
    id: true,
    ref: true,
    provider: true,
    platform: true,
    username: true,
    status: true,
    health: true,
  })
  .meta({ id: 'AccountHealth', examples: [ACCOUNT_HEALTH_EXAMPLE] });
