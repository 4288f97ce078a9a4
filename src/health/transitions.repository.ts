import { REF } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import { utc } from '../database/sql.js';
import { COMMITTED_BEFORE } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import type { Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';

/** The changes of verdicts, one by one: those of the last 90 days. */
export class TransitionsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Up to `limit` changes of the team after a position or from a time on, in the order in which
   * they cannot be missed.
   */
  async feed(caller: Caller, from: Position | Date | undefined, limit: number): Promise<PageRow[]> {
    const after = from instanceof Date ? undefined : from;
    const { rows } = await this.database.pool.query<{
      id: string;
      transaction_id: string;
      document: string;
    }>(
      `SELECT t.id, t.transaction_id, json_build_object('id', t.id, 'type', 'health_change',
         'account_id', t.account_id, 'ref', ${REF}, 'from', t.from_status, 'to', t.to_status,
         'reason', t.reason, 'fault', t.fault, 'evidence', t.evidence,
         'at', ${utc('t.at')})::text AS document
       FROM health_transitions t LEFT JOIN accounts a ON a.id = t.account_id
       WHERE t.team_id = $1 AND t.transaction_id < ${COMMITTED_BEFORE}
         AND (t.transaction_id, t.id) > ($2::bigint, $3)
         AND ($4::timestamptz IS NULL OR t.at >= $4)
         AND (cardinality($5::text[]) = 0 OR a.provider = ANY($5))
       ORDER BY t.transaction_id, t.id LIMIT $6`,
      [
        caller.teamId,
        after?.value ?? 0,
        after?.id ?? '',
        from instanceof Date ? from : null,
        caller.key.providers,
        limit,
      ],
    );
    return rows.map((row) => ({
      document: row.document,
      position: { value: row.transaction_id, id: row.id },
    }));
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
