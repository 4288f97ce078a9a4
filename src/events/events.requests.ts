import { z } from 'zod';
import { ORDER_DIRECTIONS } from '../http/keyset.js';
import { commaSeparated, paging } from '../http/validate.js';
import { EVENT_TYPES, typesOf } from './event-types.js';
import type { EventFilter } from './feed.repository.js';

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

const account = z
  .string()
  .min(1)
  .max(64)
  .optional()
  .meta({ description: 'Only events about the account with this id.' });

export const feedQuery = z.strictObject({
  after,
  type,
  account_id: account,
  order_direction: z
    .enum(ORDER_DIRECTIONS, { error: 'must be asc or desc' })
    .default('asc')
    .meta({
      description:
        '`asc`: from the oldest on, to follow what happens. `desc`: from the newest back; ' +
        '`after` then continues with older ones, and the last page has no `next_cursor`.',
    }),
  limit: paging.limit,
});
export const streamQuery = z.strictObject({ after, type, account_id: account });

/** The events that a query asks for. */
export const filterOf = (query: {
  readonly type?: readonly string[] | undefined;
  readonly account_id?: string | undefined;
}): EventFilter => ({ types: typesOf(query.type), accountId: query.account_id });
