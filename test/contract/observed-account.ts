import { z } from 'zod';
import {
  ACCOUNT_COLUMNS,
  ACCOUNT_STATUSES,
  HEALTH_FAULTS,
  HEALTH_REASONS,
  HEALTH_STATUSES,
  NO_FACTS,
  NO_METRICS,
  type ObservedAccount,
} from '../../src/model/index.js';

/** With `null` for the facts and metrics that are left out, as the engine completes it. */
export function complete<Account extends { readonly metrics?: unknown }>(account: Account) {
  return { ...NO_FACTS, ...account, metrics: { ...NO_METRICS, ...(account.metrics as object) } };
}

/** The facts in a group as the Account has them, for those without a rule of their own below. */
const factsIn = (names: object, group = '') =>
  Object.fromEntries(
    ACCOUNT_COLUMNS.flatMap(({ observed, schema }) => {
      const name = observed?.slice(group.length) ?? '';
      return observed?.startsWith(group) && name in names ? [[name, schema]] : [];
    }),
  );

const told = z.string().min(1).nullable();
const time = z.iso.datetime().nullable();
const count = z.int().min(0).nullable();
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
 * Exactly a complete `ObservedAccount`: closed sets, times in UTC with `Z`, no empty strings, no
 * field more or less.
 */
export const observedAccountSchema = z.strictObject({
  ...factsIn(NO_FACTS),
  providerAccountId: z.string().min(1),
  platform: z
    .string()
    .regex(/^[^A-Z]+$/)
    .nullable(),
  platformUserId: told,
  username: z
    .string()
    .regex(/^[^\s]+$/)
    .nullable(),
  displayName: told,
  avatarUrl: z.url({ protocol: /^https?$/ }).nullable(),
  profileUrl: z.url({ protocol: /^https$/ }).nullable(),
  isVerified: z.boolean().nullable(),
  status: z.enum(ACCOUNT_STATUSES).exclude(['disconnecting', 'disconnected']).nullable(),
  providerStatus: told,
  verdict,
  tokenValid: z.boolean().nullable(),
  permissions: z.array(z.string()).nullable(),
  tokenExpiresAt: time,
  advice: z.array(z.string()),
  metrics: z.strictObject({
    ...factsIn(NO_METRICS, 'metrics.'),
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
  providerGroup: z.strictObject({ id: z.string().min(1), name: told }).nullable(),
}) satisfies z.ZodType<ObservedAccount>;
