import { z } from 'zod';
import { timestamp } from '../http/page.js';
import { assembleAccount } from './account-fields.js';
import { ACCOUNT_EXAMPLE } from './accounts.example.js';
import { STEPS } from './samples.requests.js';

/** Steps in one answer: 31 days of hours, or two years of days. */
export const MAX_STEPS = 744;

const metrics = assembleAccount<z.ZodType>(
  ({ schema }) => schema,
  (members) => z.object(members),
).metrics as z.ZodObject;

const sampleSchema = z.object({ at: timestamp, ...metrics.shape });

const sampleAt = (at: string, followers: number) => ({
  at,
  ...(ACCOUNT_EXAMPLE.metrics as object),
  followers,
});

/** The metrics of an account over time. */
export const samplesSchema = z
  .object({
    type: z.literal('metrics'),
    account_id: z.string(),
    ref: z.string(),
    from: timestamp,
    to: timestamp,
    step: z.enum(STEPS),
    before: sampleSchema.nullable().meta({
      description: 'The last sample before `from`, which holds until the first of `samples`.',
    }),
    samples: z
      .array(sampleSchema)
      .max(MAX_STEPS + 1)
      .meta({
        description:
          'Oldest first. A step without a change has none: the sample before it still holds.',
      }),
  })
  .meta({
    id: 'AccountMetrics',
    examples: [
      {
        type: 'metrics',
        account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
        ref: 'octopost:acc_abc123',
        from: '2026-02-01T00:00:00.000Z',
        to: '2026-02-09T12:00:00.000Z',
        step: 'day',
        before: sampleAt('2026-01-31T18:05:12.000Z', 14790),
        samples: [
          sampleAt('2026-02-03T22:10:40.000Z', 14811),
          sampleAt('2026-02-09T11:45:22.000Z', 14832),
        ],
      },
    ],
  });
