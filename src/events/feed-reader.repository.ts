import type { Database } from '../database/index.js';
import type { Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { below, beyond, type FeedDirection, NEWEST_HISTORY, placeOf } from './feed-order.js';
import type { FeedPublisher } from './feed-publisher.js';

type FeedTable = 'events' | 'health_transitions';

/** The rows of a feed, in SQL. */
interface FeedQuestion {
  /** The statement's name: it is planned once. */
  readonly name: string;
  readonly table: FeedTable;
  /** The alias of its row. */
  readonly row: string;
  readonly joins?: string;
  /** What callers see of a row, as text. */
  readonly document: string;
  readonly teamId: string;
  /** Conditions; placeholders from `$1` are of `values`. */
  readonly where: string;
  readonly values: readonly unknown[];
  /** `asc` when left out: from the oldest on. */
  readonly direction?: FeedDirection;
}

interface Row {
  readonly history: string;
  readonly is_known: boolean;
  /** Null, as are the others: there is no row. */
  readonly place: string | null;
  readonly id: string | null;
  readonly document: string | null;
}

/**
 * Reads feeds in an order that late committers cannot disturb, up to where it is published. What
 * was read once therefore never gets a predecessor, and a reader that goes on from its last
 * position misses nothing and sees nothing twice.
 */
export class FeedReader {
  constructor(
    private readonly database: Database,
    private readonly publisher: FeedPublisher,
  ) {}

  /**
   * Up to `limit` rows after a position, oldest first; newest first those before it.
   * @throws Problem 422 `history_rewound` for a position that is undone
   */
  async read(
    question: FeedQuestion,
    after: Position | undefined,
    limit: number,
  ): Promise<PageRow[]> {
    const { name, table, row, joins = '', document, teamId, where, values } = question;
    const { direction = 'asc' } = question;
    await this.publish();
    const [comparison, bound] =
      direction === 'asc' ? (['>', beyond(after)] as const) : (['<', below(after)] as const);
    const given = [teamId, ...bound, limit, ...historyOf(after)];
    const [team, place, id, take, ...history] = given.map(
      (_, index) => `$${values.length + index + 1}`,
    );
    const { rows } = await this.database.pool.query<Row>({
      name: `${name}-${direction}`,
      text: `SELECT n.number || '.' || n.id AS history, ${isKnown(history)} AS is_known,
          page.place, page.id, page.document
        FROM ${NEWEST_HISTORY} n LEFT JOIN LATERAL (
          SELECT ${placeOf(row)} AS place, ${row}.id, ${document} AS document
          FROM ${table} ${row} ${joins}
          WHERE ${row}.team_id = ${team} AND ${placeOf(row)} <= n.position
            AND (${placeOf(row)}, ${row}.id) ${comparison} (${place}::bigint, ${id}) AND ${where}
          ORDER BY ${placeOf(row)} ${direction}, ${row}.id ${direction} LIMIT ${take}) page ON TRUE
        ORDER BY page.place ${direction}, page.id ${direction}`,
      values: [...values, ...given],
    });
    if (rows[0] && !rows[0].is_known) throw rewound();
    return rows.flatMap(({ place: value, id: rowId, document: text, history: of }) =>
      value === null || rowId === null || text === null
        ? []
        : [{ document: text, position: { value, id: rowId, history: of } }],
    );
  }

  /** The position behind everything that feeds show by now: where a reader of new rows starts. */
  async end(): Promise<Position> {
    await this.publish();
    const { rows } = await this.database.pool.query<{ value: string; history: string }>(
      `SELECT position AS value, number || '.' || id AS history FROM ${NEWEST_HISTORY} n`,
    );
    return { value: rows[0]?.value ?? '0', id: '', ...rows[0] };
  }

  /**
   * Where the reader of a cursor goes on. One that the release before made while both ran says
   * which transaction comes next, whose rows may be scattered: the first of those that it has not
   * seen decides, and a few of the others may come again.
   * @throws Problem 422 `history_rewound`
   */
  async resume(table: FeedTable, teamId: string, position: Position): Promise<Position> {
    if (position.history !== undefined) {
      const { rows } = await this.database.pool.query<{ is_known: boolean }>(
        `SELECT ${isKnown(['$1', '$2', '$3'])} AS is_known`,
        historyOf(position),
      );
      if (!rows[0]?.is_known) throw rewound();
      return position;
    }
    const { rows } = await this.database.pool.query<{ place: string | null }>(
      `SELECT LEAST(n.position, (SELECT min(${placeOf('r')}) - 1 FROM ${table} r
           WHERE r.team_id = $1 AND (r.transaction_id, r.id) > ($2::bigint, $3))) AS place
       FROM ${NEWEST_HISTORY} n, ${table} last
       WHERE last.id = $3 AND last.team_id = $1 AND last.position IS NOT NULL`,
      [teamId, position.value, position.id],
    );
    const place = rows[0]?.place;
    return place == null ? position : { value: place, id: '' };
  }

  /** Has feeds show what they can by now. A database that cannot be written may still be read. */
  async publish(): Promise<void> {
    await this.publisher.publish().catch(() => undefined);
  }
}

/** What `isKnown` asks of: the number and id of a position's history, and the position. */
const historyOf = (position: Position | undefined) => {
  const [number = null, id = null] = position?.history?.split('.') ?? [];
  return [number, id, position?.value ?? 0];
};

/**
 * SQL: whether a position was shown by a history that this database knows. Of those that are
 * forgotten the same is true of what they missed.
 */
const isKnown = ([number, id, position]: readonly string[]) => `(${number}::bigint IS NULL
  OR ${number}::bigint < (SELECT min(number) FROM feed_histories)
  OR EXISTS (SELECT FROM feed_histories h WHERE h.number = ${number}::bigint AND h.id = ${id}
    AND h.position >= ${position}::bigint))`;

/** A position that no longer exists: the database was recovered to an earlier state. */
function rewound(): Problem {
  return new Problem(
    'history_rewound',
    'The database was recovered to an earlier state, and what this feed showed after it up to the cursor is undone. ' +
      'Read accounts anew, and go on without the cursor: what you know already has the id that you know.',
  );
}
