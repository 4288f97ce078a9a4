import type pg from 'pg';
import type { Database } from '../database/index.js';
import { utc } from '../database/sql.js';
import type { Caller } from '../http/caller.js';
import type { Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';

/**
 * SQL: the oldest transaction that still runs. Everything before it is committed, so nothing can
 * appear there any more.
 */
export const COMMITTED_BEFORE = '(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint';

/**
 * An event as callers see it: the same text in the feed, in the stream and in a webhook's body. `e`
 * is its row.
 */
export const EVENT_DOCUMENT = `json_build_object('id', e.id, 'type', e.type,
  'timestamp', ${utc('e.created_at')}, 'account_id', e.account_id, 'data', e.data)::text`;

/**
 * SQL: whether a key or a webhook may see the event `e`.
 * @param providers placeholder of the only providers it may see; an empty list: all
 */
export const eventVisibleTo = (providers: string) => `(cardinality(${providers}::text[]) = 0 OR
  CASE WHEN e.providers IS NULL THEN e.provider IS NULL OR e.provider = ANY(${providers})
    ELSE e.providers <> '{}' AND e.providers <@ ${providers} END)`;

/**
 * Reads the outbox in an order that late committers cannot disturb: by writing transaction, and of
 * those only the ones older than every transaction under way. What was read once therefore never
 * gets a predecessor, and a reader that goes on from its last position misses nothing and sees
 * nothing twice.
 */
export class FeedRepository {
  constructor(private readonly database: Database) {}

  /** Up to `limit` events after a position, oldest first. @param types empty: all */
  async read(
    caller: Caller,
    types: readonly string[],
    after: Position | undefined,
    limit: number,
  ): Promise<PageRow[]> {
    const { rows } = await this.database.pool.query<{
      id: string;
      transaction_id: string;
      document: string;
    }>({
      name: 'read-feed',
      text: `SELECT e.id, e.transaction_id, ${EVENT_DOCUMENT} AS document FROM events e
        WHERE e.team_id = $1 AND e.transaction_id < ${COMMITTED_BEFORE}
          AND (e.transaction_id, e.id) > ($2::bigint, $3)
          AND (cardinality($4::text[]) = 0 OR e.type = ANY($4))
          AND ${eventVisibleTo('$5')}
        ORDER BY e.transaction_id, e.id LIMIT $6`,
      values: [
        caller.teamId,
        after?.value ?? 0,
        after?.id ?? '',
        types,
        caller.key.providers,
        limit,
      ],
    });
    return rows.map((row) => ({
      document: row.document,
      position: { value: row.transaction_id, id: row.id },
    }));
  }

  /** Where an event stands that the caller may see. */
  async positionOf({ teamId, key }: Caller, eventId: string): Promise<Position | undefined> {
    const { rows } = await this.database.pool.query<{ value: string; id: string }>(
      `SELECT e.transaction_id AS value, e.id FROM events e
       WHERE e.id = $1 AND e.team_id = $2 AND ${eventVisibleTo('$3')}`,
      [eventId, teamId, key.providers],
    );
    return rows[0];
  }

  /** The position before everything that is not committed: where a reader of new events starts. */
  async end(client: pg.ClientBase | pg.Pool = this.database.pool): Promise<Position> {
    const { rows } = await client.query<{ position: string }>(
      `SELECT ${COMMITTED_BEFORE} AS position`,
    );
    return { value: rows[0]?.position ?? '0', id: '' };
  }

  /** Deletes a batch of events from before `time`. */
  async delete(time: Date): Promise<void> {
    await this.database.pool.query(
      'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created_at < $1 LIMIT 20000)',
      [time],
    );
  }
}
