import { z } from 'zod';
import type { Sweep } from '../database/prisma-client/client.js';
import { timestamp } from '../http/page.js';

/** Items, and fields, that the record of a sweep names. */
export const MAX_LISTED = 100;

const count = z.int();

export const sweepSchema = z
  .object({
    id: z.string(),
    type: z.literal('sweep'),
    connection_id: z.string(),
    state: z.enum(['queued', 'running', 'succeeded', 'failed', 'held']),
    seen: count,
    added: count,
    changed: count,
    vanished: count,
    unchanged: count,
    quarantined: count,
    quarantine: z
      .array(z.object({ id: z.string().nullable(), reason: z.string() }))
      .max(MAX_LISTED)
      .meta({ description: `The first ${MAX_LISTED} items that could not be read.` }),
    duplicates: count.meta({
      description:
        'Further copies of accounts that are listed more than once; one copy of each counts.',
    }),
    degraded: z
      .array(z.object({ field: z.string(), count, example: z.string() }))
      .max(MAX_LISTED)
      .meta({ description: 'Fields that could not be read, and of how many accounts.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable().meta({
      description:
        'Why it failed or is held; of one that succeeded, what part of it is missing (such as the health report).',
    }),
    budget_exhausted: z.enum(['time', 'pages', 'accounts']).nullable().meta({
      description:
        'What ran out before the whole list was read. What was seen is stored, no account is considered gone, and the next sweep continues from there.',
    }),
    created_at: timestamp,
    started_at: timestamp.nullable(),
    finished_at: timestamp.nullable(),
  })
  .meta({
    id: 'Sweep',
    examples: [
      {
        id: 'swp_01k9z3m8q4v7x2c5n6b8a1s3d4',
        type: 'sweep',
        connection_id: 'conn_01k9z3m8q4v7x2c5n6b8a1s3d4',
        state: 'succeeded',
        seen: 12,
        added: 1,
        changed: 2,
        vanished: 0,
        unchanged: 9,
        quarantined: 1,
        quarantine: [
          { id: 'acc_abc123', reason: 'platform: Invalid input: expected string, received object' },
        ],
        duplicates: 0,
        degraded: [{ field: 'last_used_at', count: 2, example: 'last Tuesday' }],
        error: null,
        budget_exhausted: null,
        created_at: '2026-02-09T11:45:20.000Z',
        started_at: '2026-02-09T11:45:20.000Z',
        finished_at: '2026-02-09T11:45:22.000Z',
      },
    ],
  });

/** A row as the API answers it. */
export function toAnswer(sweep: Sweep) {
  return {
    id: sweep.id,
    type: 'sweep',
    connection_id: sweep.connectionId,
    state: sweep.state,
    seen: sweep.seen,
    added: sweep.added,
    changed: sweep.changed,
    vanished: sweep.vanished,
    unchanged: sweep.unchanged,
    quarantined: sweep.quarantined,
    quarantine: sweep.quarantine,
    duplicates: sweep.duplicates,
    degraded: sweep.degraded,
    error: sweep.error,
    budget_exhausted: sweep.budgetExhausted,
    created_at: sweep.createdAt,
    started_at: sweep.startedAt,
    finished_at: sweep.finishedAt,
  };
}
