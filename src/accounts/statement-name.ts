import type { OrderDirection } from '../http/keyset.js';
import type { AccountFilter, OrderKey } from './account-filter.js';

/** The filters that callers poll with, one at a time. */
const POLLED: ReadonlySet<string> = new Set([
  'provider',
  'platform',
  'status',
  'health',
  'connection_id',
  'updated_since',
] satisfies (keyof AccountFilter)[]);

/** What makes the SQL of a page: two pages alike in it have one text. */
export interface PageShape {
  /** What each row is made into; `version`: nothing yet; `null`: something rarely asked for. */
  readonly document: 'account' | 'health' | 'version' | null;
  readonly isRestricted: boolean;
  readonly filter: AccountFilter;
  readonly order: OrderKey;
  readonly direction: OrderDirection;
  readonly isFirst: boolean;
}

/**
 * The name under which a page's statement is prepared, once a session: parsing and planning take as
 * long as the rest. A session keeps what it prepared for good, so only the pages that are polled
 * have a name, 84 in all and 28 that walk; `undefined` for any other, however many a caller thinks up.
 */
export function statementName(shape: PageShape): string | undefined {
  const { document, isRestricted, filter, order, direction, isFirst } = shape;
  const given = Object.keys(filter).filter((name) => filter[name as keyof AccountFilter] != null);
  const [asked = 'all', ...others] = given;
  if (document === null || isRestricted || order !== 'created_at' || others.length > 0)
    return undefined;
  if (asked !== 'all' && !POLLED.has(asked)) return undefined;
  return `${document}-page-${asked}-${direction}-${isFirst ? 'first' : 'next'}`;
}
