import { type Database, keepPartitions, type TimePartitions } from '../database/index.js';
import { utc } from '../database/sql.js';
import type { Caller } from '../http/caller.js';
import type { Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';
import { type FeedDirection, NEWEST_HISTORY, placeOf } from './feed-order.js';
import type { FeedReader } from './feed-reader.repository.js';

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

/** Which events a reader asks for. */
export interface EventFilter {
  /** Empty: all. */
  readonly types: readonly string[];
  /** The only account that they may be about; absent: any, or none. */
  readonly accountId?: string | undefined;
}

/** Days that events are kept at least: they go by weeks. */
export const RETENTION_DAYS = 90;

const PARTITIONS: TimePartitions = {
  table: 'events',
  unit: 'week',
  ahead: 2,
  retentionMs: RETENTION_DAYS * 86_400_000,
};

/** Reads the outbox. */
export class FeedRepository {
  constructor(
    private readonly database: Database,
    private readonly feeds: FeedReader,
  ) {}

  /**
   * Up to `limit` events after a position, oldest first; newest first those before it.
   * @throws Problem 422 `history_rewound`
   */
  read(
    caller: Caller,
    { types, accountId, direction }: EventFilter & { readonly direction?: FeedDirection },
    after: Position | undefined,
    limit: number,
  ): Promise<PageRow[]> {
    const ofAccount = accountId === undefined ? [] : [accountId];
    const question = {
      name: ofAccount.length > 0 ? 'read-feed-of-account' : 'read-feed',
      ...(direction && { direction }),
      table: 'events',
      row: 'e',
      document: EVENT_DOCUMENT,
      teamId: caller.teamId,
      where: `(cardinality($1::text[]) = 0 OR e.type = ANY($1)) AND ${eventVisibleTo('$2')}
        ${ofAccount.length > 0 ? 'AND e.account_id = $3' : ''}`,
      values: [types, caller.key.providers, ...ofAccount],
    } as const;
    return this.feeds.read(question, after, limit);
  }

  /**
   * Where the reader of a cursor goes on.
   * @throws Problem 422 `history_rewound`
   */
  resume({ teamId }: Caller, position: Position): Promise<Position> {
    return this.feeds.resume('events', teamId, position);
  }

  /** Where an event stands that the caller may see. */
  async positionOf({ teamId, key }: Caller, eventId: string): Promise<Position | undefined> {
    await this.feeds.publish();
    const { rows } = await this.database.pool.query<{ value: string; id: string }>(
      `SELECT ${placeOf('e')} AS value, e.id FROM events e CROSS JOIN ${NEWEST_HISTORY} n
       WHERE e.id = $1 AND e.team_id = $2 AND ${placeOf('e')} <= n.position
         AND ${eventVisibleTo('$3')}`,
      [eventId, teamId, key.providers],
    );
    return rows[0];
  }

  /** Has everything shown that can be by now. */
  publish(): Promise<void> {
    return this.feeds.publish();
  }

  /** The position behind everything that is shown by now. */
  end(): Promise<Position> {
    return this.feeds.end();
  }

  /** Makes the partitions of the time to come and drops those that are too old. */
  keepPartitions(now: Date): Promise<void> {
    return keepPartitions(this.database.pool, PARTITIONS, now);
  }
}
