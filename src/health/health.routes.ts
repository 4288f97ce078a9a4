import { z } from 'zod';
import { ACCOUNT_HEALTH_EXAMPLE, accountHealthSchema } from '../accounts/index.js';
import { answerFeed, NO_TOTAL } from '../http/feed.js';
import { dataOf, listOf, timestamp } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { byAccount, paging } from '../http/validate.js';
import { HEALTH_FAULTS, HEALTH_REASONS, HEALTH_STATUSES } from '../model/index.js';
import type { HealthService } from './health.service.js';

const percent = z.number().nullable();

const since = z.string().min(1).max(2000).optional().meta({
  description:
    'The last `next_cursor`, or an RFC 3339 time to start from. Changes are kept for 90 days, and cursors stay valid as long.',
});
const isTime = (text: string) => z.iso.datetime({ offset: true }).safeParse(text).success;

const CHANGE_EXAMPLE = {
  from: 'healthy',
  to: 'unhealthy',
  reason: 'token_invalid',
  fault: 'account',
  evidence: { provider_status: null, token_valid: false, advice: [] },
  at: '2026-02-08T07:10:03.000Z',
};

const changeSchema = z
  .object({
    id: z.string(),
    type: z.literal('health_change'),
    account_id: z.string(),
    /** Null: the account was forgotten with its connection. */
    ref: z.string().nullable(),
    from: z.enum(HEALTH_STATUSES).nullable(),
    to: z.enum(HEALTH_STATUSES),
    reason: z.enum(HEALTH_REASONS).nullable(),
    fault: z.enum(HEALTH_FAULTS).nullable(),
    evidence: z.record(z.string(), z.unknown()).nullable(),
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

const accountHistorySchema = accountHealthSchema
  .extend({
    history: z.array(historySchema),
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

export function healthEndpoints(health: HealthService) {
  return {
    ofAccount: endpoint({
      summary: "Get an account's health, its history and its uptime",
      params: byAccount,
      answers: {
        200: dataOf(accountHistorySchema),
      },
      problems: ['ambiguous_reference'],
      handle: async (call) => ({
        status: 200,
        body: { data: await health.of(call.caller, call.params.id) },
      }),
    }),

    changes: endpoint({
      summary:
        'List health changes of all accounts, oldest first. Continue with the last `next_cursor` as `since`: no change is missed',
      description: NO_TOTAL,
      query: z.strictObject({ since, limit: paging.limit }),
      answers: { 200: listOf(changeSchema) },
      problems: ['cursor_mismatch'],
      handle: async (call) => {
        const { caller, query } = call;
        const from =
          query.since !== undefined && isTime(query.since) ? new Date(query.since) : query.since;
        const rows = await health.changes(caller, from, query.limit + 1);
        return answerFeed(call, rows, {}, { parameter: 'since', value: query.since }, (row) =>
          health.cursor(caller, row.position),
        );
      },
    }),
  };
}
