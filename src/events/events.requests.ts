import { z } from 'zod';
import { ORDER_DIRECTIONS } from '../http/keyset.js';
import { accountParameter, commaSeparated, paging } from '../http/validate.js';
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

const account = accountParameter('Only events about one account');

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

/** Of which types a query asks for events, and of which account, however it is spelt. */
export interface AskedEvents {
  readonly types: EventFilter['types'];
  readonly account: string | undefined;
}
export const askedOf = (query: {
  readonly type?: readonly string[] | undefined;
  readonly account_id?: string | undefined;
}): AskedEvents => ({ types: typesOf(query.type), account: query.account_id });
