import { REF } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import { utc } from '../database/sql.js';
import { type FeedReader, placeOf } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import type { Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';

/** The changes of verdicts, one by one: those of the last 90 days. */
export class TransitionsRepository {
  constructor(
    private readonly database: Database,
    private readonly feeds: FeedReader,
  ) {}

  /**
   * Up to `limit` changes of the team after a position or from a time on, in the order in which
   * they cannot be missed.
   * @throws Problem 422 `history_rewound`
   */
  feed(caller: Caller, from: Position | Date | undefined, limit: number): Promise<PageRow[]> {
    const [after, since] = from instanceof Date ? [undefined, from] : [from, null];
    const question = {
      name: 'read-health-changes',
      table: 'health_transitions',
      row: 't',
      joins: 'LEFT JOIN accounts a ON a.id = t.account_id',
      document: `json_build_object('id', t.id, 'type', 'health_change',
        'account_id', t.account_id, 'ref', ${REF}, 'from', t.from_status, 'to', t.to_status,
        'reason', t.reason, 'fault', t.fault, 'evidence', t.evidence,
        'at', ${utc('t.at')})::text`,
      teamId: caller.teamId,
      where: `($1::timestamptz IS NULL OR t.at >= $1)
        AND (cardinality($2::text[]) = 0 OR a.provider = ANY($2))`,
      values: [since, caller.key.providers],
    } as const;
    return this.feeds.read(question, after, limit);
  }

  /**
   * Where the reader of a cursor goes on.
   * @throws Problem 422 `history_rewound`
   */
  async resume({ teamId }: Caller, position: Position): Promise<Position> {
    return this.feeds.resume('health_transitions', teamId, position);
  }

  /** Of one account, newest first. */
  ofAccount(accountId: string, take: number) {
    return this.database.prisma.healthTransition.findMany({
      where: { accountId },
      orderBy: [{ at: 'desc' }, { id: 'desc' }],
      take,
    });
  }

  /** Of one account from a time on, newest first. */
  ofAccountSince(accountId: string, since: Date) {
    return this.database.prisma.healthTransition.findMany({
      where: { accountId, at: { gt: since } },
      orderBy: [{ at: 'desc' }, { id: 'desc' }],
    });
  }

  /** The times after `since` in which an account was disconnected and came back, as its events tell. */
  async absencesSince(
    teamId: string,
    accountId: string,
    since: Date,
  ): Promise<{ readonly from: Date; readonly to: Date }[]> {
    const { rows } = await this.database.pool.query<{ isBack: boolean; at: Date }>(
      `SELECT e.type = 'account.reappeared' AS "isBack", e.created_at AS at FROM events e
       WHERE e.team_id = $1 AND e.account_id = $2 AND e.created_at >= $3
         AND e.type IN ('account.vanished', 'account.disconnected', 'account.reappeared')
       ORDER BY ${placeOf('e')}, e.id`,
      [teamId, accountId, since],
    );
    let left: Date | null = since;
    return rows.flatMap(({ isBack, at }) => {
      const from = left;
      left = isBack ? null : at;
      return isBack && from !== null ? [{ from, to: at }] : [];
    });
  }

  /** Whether the change at which a reader stands is still kept. */
  async has({ id }: Position): Promise<boolean> {
    return (
      (await this.database.prisma.healthTransition.findUnique({
        where: { id },
        select: { id: true },
      })) !== null
    );
  }
}
