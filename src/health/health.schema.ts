import { z } from 'zod';
import { ACCOUNT_HEALTH_EXAMPLE, accountHealthSchema } from '../accounts/index.js';
import { timestamp } from '../http/page.js';
import {
  HEALTH_FAULTS,
  HEALTH_REASONS,
  HEALTH_STATUSES,
  MAX_MEMBERS,
  recordOf,
} from '../model/index.js';
import { LEVEL_STEPS } from './health.requests.js';

/** Changes of one account in its history. */
export const MAX_HISTORY = 200;

const percent = z.number().nullable();

const CHANGE_EXAMPLE = {
  from: 'healthy',
  to: 'unhealthy',
  reason: 'token_invalid',
  fault: 'account',
  evidence: { provider_status: null, token_valid: false, advice: [] },
  at: '2026-02-08T07:10:03.000Z',
};

export const changeSchema = z
  .object({
    id: z.string(),
    type: z.literal('health_change'),
    account_id: z.string(),
    /** Null: the account was deleted with its connection. */
    ref: z.string().nullable(),
    from: z.enum(HEALTH_STATUSES).nullable(),
    to: z.enum(HEALTH_STATUSES),
    reason: z.enum(HEALTH_REASONS).nullable(),
    fault: z.enum(HEALTH_FAULTS).nullable(),
    evidence: recordOf(z.string(), z.unknown(), MAX_MEMBERS).nullable(),
    at: timestamp,
  })
  .meta({
    id: 'HealthChange',
    examples: [
      {
        id: 'hlt_01k9z3m8q4v7x2c5n6b8a1s3d4',
        type: 'health_change',
        account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
        ref: 'octopost:acc_abc123',
        ...CHANGE_EXAMPLE,
      },
    ],
  });

const seconds = z.number();

const historySchema = changeSchema
  .pick({ from: true, to: true, reason: true, fault: true, evidence: true, at: true })
  .extend({
    summary: z
      .object({
        transitions: z.int(),
        first_at: timestamp,
        worst: z.enum(HEALTH_STATUSES),
        seconds: z.object({
          healthy: seconds,
          warning: seconds,
          unhealthy: seconds,
          unknown: seconds,
        }),
      })
      .nullable()
      .meta({
        description:
          'Null: the item is one change. Otherwise it summarizes all changes of one UTC day more than 90 days ago, from the first to the last ' +
          '(which is `to` and `at`), with the seconds spent in each status between the two.',
      }),
  });

export const accountHistorySchema = accountHealthSchema
  .extend({
    history: z.array(historySchema).max(MAX_HISTORY),
    mean_time_to_recovery_seconds: z.int().nullable(),
    uptime: z.object({ '24h': percent, '7d': percent, '30d': percent }),
  })
  .meta({
    id: 'AccountHealthHistory',
    examples: [
      {
        ...ACCOUNT_HEALTH_EXAMPLE,
        history: [{ ...CHANGE_EXAMPLE, summary: null }],
        mean_time_to_recovery_seconds: 4210,
        uptime: { '24h': 0, '7d': 82.98, '30d': 96.02 },
      },
    ],
  });

/** Levels of a provider in one answer: 31 days of hours. */
export const MAX_LEVELS = 744;
/** Providers in one answer: as many as there can be adapters. */
const MAX_LEVEL_PROVIDERS = 200;

const level = {
  at: '2026-02-08T07:00:00.000Z',
  ...{ total: 214, healthy: 201, warning: 6, unhealthy: 3, unknown: 4 },
};

/** How many accounts of a team were how, over time. */
export const levelsSchema = z
  .object({
    type: z.literal('health_levels'),
    from: timestamp,
    to: timestamp,
    step: z.enum(LEVEL_STEPS),
    providers: z
      .array(
        z.object({
          provider: z.string(),
          levels: z
            .array(
              z.object({
                at: timestamp.meta({ description: 'Beginning of the hour or day.' }),
                total: z.int(),
                healthy: z.int(),
                warning: z.int(),
                unhealthy: z.int(),
                unknown: z.int(),
              }),
            )
            .max(MAX_LEVELS + 1)
            .meta({
              description:
                'Oldest first. The counts are those at the end of the hour or day; those of the current one are at most two minutes old. ' +
                'There is none for a time in which no gateway ran: the levels are unknown then.',
            }),
        }),
      )
      .max(MAX_LEVEL_PROVIDERS),
  })
  .meta({
    id: 'HealthLevels',
    examples: [
      {
        type: 'health_levels',
        from: '2026-02-08T06:00:00.000Z',
        to: '2026-02-08T08:00:00.000Z',
        step: 'hour',
        providers: [{ provider: 'octopost', levels: [level] }],
      },
    ],
  });
