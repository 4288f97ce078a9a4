import { z } from 'zod';
import { accountHealthSchema, timestamp } from '../accounts/account.schema.js';
import { dataOf } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { byAccount } from '../http/validate.js';
import { HEALTH_FAULTS, HEALTH_REASONS, HEALTH_STATUSES } from '../model/index.js';
import type { HealthService } from './health.service.js';

const percent = z.number().nullable();

export function healthEndpoints(health: HealthService) {
  return {
    ofAccount: endpoint({
      summary: "An account's health, its history and its uptime",
      params: byAccount,
      answers: {
        200: dataOf(
          accountHealthSchema.extend({
            history: z.array(
              z.object({
                from: z.enum(HEALTH_STATUSES).nullable(),
                to: z.enum(HEALTH_STATUSES),
                reason: z.enum(HEALTH_REASONS).nullable(),
                fault: z.enum(HEALTH_FAULTS).nullable(),
                at: timestamp,
              }),
            ),
            uptime: z.object({ '24h': percent, '7d': percent, '30d': percent }),
          }),
        ),
      },
      problems: ['ambiguous_reference'],
      handle: async (call) => ({ status: 200, body: { data: await health.of(call.caller, call.params.id) } }),
    }),
  };
}
