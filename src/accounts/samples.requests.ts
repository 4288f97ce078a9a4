import { z } from 'zod';
import { time } from '../http/validate.js';

export const STEPS = ['hour', 'day', 'week', 'month'] as const;
export type Step = (typeof STEPS)[number];

/** Samples of hours are kept for so long. */
export const RETENTION_HOURLY_DAYS = 30;
/** Samples of days: thirteen months. */
export const RETENTION_DAILY_DAYS = 396;

export const samplesQuery = z.strictObject({
  from: time.optional().meta({
    description: `Beginning of the range; 30 days before \`to\` unless given, with the step \`hour\` two days. Samples of hours are kept for ${RETENTION_HOURLY_DAYS} days, of days for thirteen months.`,
  }),
  to: time.optional().meta({ description: 'End of the range, exclusive; now unless given.' }),
  step: z
    .enum(STEPS, { error: `must be one of: ${STEPS.join(', ')}` })
    .default('day')
    .meta({
      description:
        'At most one sample for each hour, day, week (from Monday) or month in UTC: the newest.',
    }),
});
export type SamplesQuery = z.output<typeof samplesQuery>;
