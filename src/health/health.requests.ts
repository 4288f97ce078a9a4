import { z } from 'zod';
import { commaSeparated, paging, RFC_3339, refuseTime, time } from '../http/validate.js';
import { providerId } from '../providers/index.js';

const since = z.string().min(1).max(2000).optional().meta({
  description:
    'The last `next_cursor`, or an RFC 3339 time to start from. Changes are kept for 90 days, and cursors are valid for as long.',
});

export const changesQuery = z.strictObject({ since, limit: paging.limit });

/**
 * Where to start: a time, or a cursor as it was given.
 * @throws Problem 422 for a time in another form
 */
export function startOf(given: string | undefined): Date | string | undefined {
  const read = time.safeParse(given);
  if (read.success) return read.data;
  refuseTime('since', given, `${RFC_3339}, or the \`next_cursor\` of the page before`);
  return given;
}

export const LEVEL_STEPS = ['hour', 'day'] as const;
export type LevelStep = (typeof LEVEL_STEPS)[number];
/** Levels are kept for so long, hour by hour. */
export const RETENTION_LEVELS_DAYS = 31;

export const levelsQuery = (providers: readonly string[]) =>
  z.strictObject({
    from: time.optional().meta({
      description: `Beginning of the range; a day before \`to\` unless given, with the step \`day\` 30 days. Levels are kept for ${RETENTION_LEVELS_DAYS} days.`,
    }),
    to: time.optional().meta({
      description:
        'End of the range, exclusive; the end of the current hour, or day in UTC, unless given.',
    }),
    step: z
      .enum(LEVEL_STEPS, { error: `must be one of: ${LEVEL_STEPS.join(', ')}` })
      .default('hour')
      .meta({
        description: 'One level for each hour, or for each day in UTC: that of its last hour.',
      }),
    provider: commaSeparated(providerId(providers))
      .optional()
      .meta({ description: 'Only accounts at these providers.' }),
  });
export type LevelsQuery = z.output<ReturnType<typeof levelsQuery>>;
