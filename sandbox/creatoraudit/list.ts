import type { Accounts, Entry } from '../accounts.js';
import { decodeCursor, encodeCursor, type Place } from '../cursor.js';
import type { Answer, Fields, Question } from '../message.js';
import type { Call } from '../provider.js';
import { invalid } from './problem.js';
import { ListQuery, valid } from './validate.js';

interface Order {
  readonly by: 'added_at' | 'follower_count';
  readonly direction: 'asc' | 'desc';
}

/**
 * `GET /accounts`: cursors are bound to their filters and sort, the total is counted on request,
 * the next page is in `Link` too.
 */
export function list({ question, accounts }: Call): Answer {
  const query = valid(ListQuery, Object.fromEntries(question.query));
  const order = orderOf(query);
  const { limit, cursor, platform, q, is_active, category, creator_id, include_total } = query;
  const filters = {
    platform,
    q,
    is_active,
    category,
    creator_id,
    order_by: order.by,
    order_direction: order.direction,
  };
  const boundTo = JSON.stringify(filters);
  const place = cursor === undefined ? undefined : decodeCursor(cursor, boundTo);
  if (cursor !== undefined && !place)
    throw invalid([{ field: 'cursor', message: 'does not belong to these filters and sort' }]);

  const found: Entry[] = [];
  for (const entry of inOrder(accounts, order, place)) {
    if (matches(entry.account, query)) found.push(entry);
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const next_cursor =
    found.length > limit && last
      ? encodeCursor({ rank: rankOf(last, order), position: last.position }, boundTo)
      : null;
  const pagination = {
    next_cursor,
    has_next: next_cursor !== null,
    limit,
    ...(include_total && { total_count: total(accounts, query) }),
  };
  return {
    status: 200,
    headers: { Link: links(question, next_cursor) },
    body: { data: page.map(({ account }) => account), pagination, filters },
  };
}

/** `order_by` and `order_direction` override the legacy signed `sort`. */
function orderOf({ sort, order_by, order_direction }: ListQuery): Order {
  const legacy: Order = {
    by: sort.endsWith('follower_count') ? 'follower_count' : 'added_at',
    direction: sort.startsWith('-') ? 'desc' : 'asc',
  };
  return {
    by: order_by ?? legacy.by,
    direction: order_direction ?? (order_by ? 'desc' : legacy.direction),
  };
}

/**
 * The accounts from behind the place. By age they come one by one; any other order sorts them all
 * first.
 */
function inOrder(accounts: Accounts, order: Order, place: Place | undefined): Iterable<Entry> {
  if (order.by === 'added_at')
    return accounts.walk(
      order.direction === 'asc' ? 'oldest_first' : 'newest_first',
      place?.position,
    );
  const sign = order.direction === 'asc' ? 1 : -1;
  const compare = (one: Place, other: Place) =>
    sign * (one.rank - other.rank || one.position - other.position);
  return Array.from(accounts.walk('oldest_first'), (entry) => ({
    ...entry,
    rank: rankOf(entry, order),
  }))
    .filter((entry) => !place || compare(entry, place) > 0)
    .sort(compare);
}

function rankOf(entry: Entry, { by }: Order): number {
  return by === 'added_at' ? 0 : Number(entry.account.follower_count);
}

function matches(
  account: Fields,
  { platform, q, is_active, category, creator_id }: ListQuery,
): boolean {
  return (
    (platform === undefined || account.platform === platform) &&
    (q === undefined || String(account.username).toLowerCase().includes(q.toLowerCase())) &&
    (is_active === undefined || account.is_active === is_active) &&
    (category === undefined || account.category === category) &&
    (creator_id === undefined || account.creator_id === creator_id)
  );
}

function total(accounts: Accounts, query: ListQuery): number {
  let count = 0;
  for (const { account } of accounts.walk('oldest_first')) if (matches(account, query)) count += 1;
  return count;
}

/** RFC 8288, absolute. */
function links(question: Question, nextCursor: string | null): string {
  const link = (relation: string, cursor: string | null) => {
    const query = new URLSearchParams(question.query);
    query.delete('cursor');
    if (cursor !== null) query.set('cursor', cursor);
    const search = query.size > 0 ? `?${query}` : '';
    return `<${question.origin}/creatoraudit/v2/accounts${search}>; rel="${relation}"`;
  };
  return nextCursor === null
    ? link('first', null)
    : `${link('first', null)}, ${link('next', nextCursor)}`;
}
