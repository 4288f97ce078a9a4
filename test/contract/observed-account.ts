import { z } from 'zod';
import {
  ACCOUNT_STATUSES,
  HEALTH_FAULTS,
  HEALTH_REASONS,
  HEALTH_STATUSES,
  type ObservedAccount,
} from '../../src/model/index.js';

const told = z.string().min(1).nullable();
const time = z.iso.datetime().nullable();
const count = z.int().nullable();
const rate = z.number().nullable();

const verdict = z
  .strictObject({
    status: z.enum(HEALTH_STATUSES),
    reason: z.enum(HEALTH_REASONS).nullable(),
    fault: z.enum(HEALTH_FAULTS).nullable(),
  })
  .refine(
    ({ status, reason, fault }) => status !== 'healthy' || (reason === null && fault === null),
    'healthy has no reason and no fault',
  );

/**
 * Exactly an `ObservedAccount`: closed sets, times in UTC with `Z`, no empty strings, no field more
 * or less.
 */
export const observedAccountSchema = z.strictObject({
  providerAccountId: z.string().min(1),
  platform: z.string().regex(/^[^A-Z]+$/),
  platformUserId: told,
  username: z
    .string()
    .regex(/^[^\s]+$/)
    .nullable(),
  displayName: told,
  avatarUrl: told,
  profileUrl: z.url({ protocol: /^https$/ }).nullable(),
  isVerified: z.boolean().nullable(),
  status: z.enum(ACCOUNT_STATUSES).exclude(['disconnecting', 'disconnected']),
  providerStatus: told,
  verdict,
  tokenValid: z.boolean().nullable(),
  permissions: z.array(z.string()).nullable(),
  tokenExpiresAt: time,
  advice: z.array(z.string()),
  metrics: z.strictObject({
    followers: count,
    following: count,
    posts: count,
    views: count,
    likes: count,
    comments: count,
    shares: count,
    saves: count,
    engagementRate: rate,
    growthRate30d: rate,
    asOf: time,
  }),
  settings: z.record(z.string(), z.unknown()).nullable(),
  connectedAt: time,
  lastUsedAt: time,
  providerUpdatedAt: time,
}) satisfies z.ZodType<ObservedAccount>;
