import type { Position } from '../http/cursor.js';

/**
 * The lowest position that is handed out. Below it are the rows from before there were positions,
 * in the order of their transactions' ids.
 */
export const FIRST_POSITION = 2n ** 48n;
/** Of `bigint` in PostgreSQL. */
const MAX_PLACE = String(2n ** 63n - 1n);

/**
 * SQL: where a row of `events` or `health_transitions` stands in its team's feed. Rows from before
 * there were positions share a place with the others of their transaction: their ids decide.
 * @param row its alias
 */
export const placeOf = (row: string) => `COALESCE(${row}.position, ${row}.transaction_id)`;

/** SQL: the history that counts, with what may be shown up to `position`. */
export const NEWEST_HISTORY =
  '(SELECT number, id, position, server FROM feed_histories ORDER BY number DESC LIMIT 1)';

/** Which rows of a feed come first: `asc` the oldest. */
export type FeedDirection = 'asc' | 'desc';

/** The place and the id that everything before a position is below; without one, everything. */
export function below(position: Position | undefined): readonly [place: string, id: string] {
  return position?.value == null ? [MAX_PLACE, ''] : [position.value, position.id];
}

/** The place and the id that everything after a position is beyond. */
export function beyond(position: Position | undefined): readonly [place: string, id: string] {
  const { value, id } = position ?? { value: null, id: '' };
  const place = BigInt(value ?? 0);
  // No two rows share a position.
  return place < FIRST_POSITION ? [String(place), id] : [String(place + 1n), ''];
}
