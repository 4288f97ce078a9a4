import { randomUUID } from 'node:crypto';
import type { Database } from '../database/index.js';
import { lockUntilEnd, withTransaction } from '../database/transact.js';
import { FIRST_POSITION, NEWEST_HISTORY, placeOf } from './feed-order.js';

/**
 * SQL: tells one run of one server with one copy of the data from every other. Where it changes
 * without a recovery nothing is lost: another history begins, and cursors of the one before hold.
 */
const SERVER = `concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
  (SELECT oid FROM pg_database WHERE datname = current_database()),
  pg_relation_filenode('feed_histories'))`;

const FEEDS = ['events', 'health_transitions'];

/** How far feeds are written and may be shown. */
interface FeedState {
  /** Of the history. */
  readonly number: string;
  /** What feeds may show by now. */
  readonly published: bigint;
  /** The highest position that was handed out. */
  readonly written: bigint;
  /** Whether the history is one of the server as it runs now. */
  readonly isCurrent: boolean;
}

/** The rows of `feed_histories`, and what is known of those who write into feeds. */
export class HistoriesRepository {
  constructor(private readonly database: Database) {}

  async state(): Promise<FeedState> {
    const { rows } = await this.database.pool.query<{
      number: string | null;
      position: string | null;
      written: string;
      isCurrent: boolean | null;
    }>({
      name: 'feed-state',
      text: `SELECT h.number, h.position, h.server = ${SERVER} AS "isCurrent",
          CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END AS written
        FROM feed_positions s LEFT JOIN ${NEWEST_HISTORY} h ON TRUE`,
    });
    const [row] = rows;
    return {
      number: row?.number ?? '0',
      published: BigInt(row?.position ?? 0),
      written: BigInt(row?.written ?? 0),
      isCurrent: row?.isCurrent ?? false,
    };
  }

  /**
   * The open transactions that may have written into a feed. Who numbers a row has locked its table
   * before, until the end: whoever holds a position that was handed out earlier is among them.
   */
  async writers(): Promise<ReadonlySet<string>> {
    const { rows } = await this.database.pool.query<{ writer: string }>({
      name: 'feed-writers',
      text: `SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
        WHERE relation = ANY($1::regclass[]) AND mode = 'RowExclusiveLock' AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      values: [FEEDS],
    });
    return new Set(rows.map(({ writer }) => writer));
  }

  /** Lets feeds show what is written up to a position, unless another history has begun. */
  async publish(number: string, position: bigint): Promise<void> {
    await this.database.pool.query({
      name: 'publish-feeds',
      text: `UPDATE feed_histories SET position = $2
        WHERE number = $1 AND position < $2 AND server = ${SERVER}`,
      values: [number, position],
    });
  }

  /** Begins another history, unless someone has, and has positions go on above all there are. */
  async begin(now: Date): Promise<void> {
    await withTransaction(this.database.pool, async (client) => {
      await lockUntilEnd(client, 'feed histories');
      await client.query(
        `INSERT INTO feed_histories (number, id, position, server, begun_at)
         SELECT COALESCE(h.number, 0) + 1, $1, COALESCE(h.position, $2), ${SERVER}, $3
         FROM (SELECT) AS one LEFT JOIN ${NEWEST_HISTORY} h ON TRUE
         WHERE h.server IS DISTINCT FROM ${SERVER}`,
        [randomUUID(), FIRST_POSITION - 1n, now],
      );
      // A copy may have brought the rows without the sequence.
      await client.query(
        `SELECT setval('feed_positions', highest.position) FROM feed_positions s, (
           SELECT GREATEST(h.position, ${FEEDS.map(highestOf).join(', ')}) AS position
           FROM ${NEWEST_HISTORY} h) AS highest
         WHERE highest.position > s.last_value`,
      );
    });
  }

  /** Deletes those that had ended before `time`, when all that cursors of theirs miss is gone. */
  async delete(time: Date): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM feed_histories
       WHERE number < (SELECT max(number) FROM feed_histories WHERE begun_at < $1)`,
      [time],
    );
  }
}

/** SQL: the highest position in a table, which is indexed by team. */
const highestOf = (table: string) => `(SELECT max(last.place) FROM teams m CROSS JOIN LATERAL (
  SELECT ${placeOf('r')} AS place FROM ${table} r WHERE r.team_id = m.id
  ORDER BY ${placeOf('r')} DESC, r.id DESC LIMIT 1) AS last)`;
