import { z } from 'zod';
import { commaSeparated, paging } from '../http/validate.js';
import { EVENT_TYPES } from './event-types.js';

const FAMILIES = [...new Set(EVENT_TYPES.map((type) => `${type.split('.')[0]}.*`))];

/** The name of a type, or a whole family such as `account.*`. */
export const eventPattern = z.enum([...EVENT_TYPES, ...FAMILIES] as [string, ...string[]], {
  error: `must be one of: ${[...EVENT_TYPES, ...FAMILIES].join(', ')}`,
});

const after = z
  .string()
  .min(1)
  .max(2000)
  .optional()
  .meta({ description: 'Only events after this `next_cursor` or event id.' });
const type = commaSeparated(eventPattern)
  .optional()
  .meta({ description: 'Only events of these types, or of families such as `account.*`.' });

export const feedQuery = z.strictObject({ after, type, limit: paging.limit });
export const streamQuery = z.strictObject({ after, type });
