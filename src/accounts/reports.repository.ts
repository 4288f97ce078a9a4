import type { Database } from '../database/index.js';
import { LeasedRows } from '../work/index.js';
import { ACCOUNT_ROW, type AccountRow } from './accounts.repository.js';

/** Extended for as long as the process is at it; ends at once should that die. */
const LEASE_MS = 60_000;

/** Accounts that their provider has reported, until they were looked at. */
export class ReportsRepository {
  /** A lane for each connection. */
  readonly queue: LeasedRows<AccountRow>;

  constructor(private readonly database: Database) {
    this.queue = new LeasedRows(database.pool, {
      table: 'reported_accounts',
      lane: 'connection_id',
      dueAt: 'due_at',
      isOpen: 'TRUE',
      shares: `SELECT ARRAY['team ' || c.team_id, 'provider ' || c.provider]
        FROM connections c WHERE c.id = due.lane`,
      onTake: '',
      onRelease: '',
      select: `SELECT ${ACCOUNT_ROW} FROM taken t JOIN accounts a ON a.id = t.id`,
      leaseMs: LEASE_MS,
    });
  }

  /** @param ids the provider's @returns how many of them the connection has, connected */
  async add(connectionId: string, ids: readonly string[], now: Date): Promise<number> {
    const { rowCount } = await this.database.pool.query(
      `INSERT INTO reported_accounts AS r (id, connection_id, reported_at, due_at)
       SELECT id, connection_id, $3, $3 FROM accounts
       WHERE connection_id = $1 AND provider_account_id = ANY($2)
         AND status NOT IN ('disconnecting', 'disconnected')
       ON CONFLICT (id) DO UPDATE SET reported_at = $3, due_at = LEAST(r.due_at, $3)`,
      [connectionId, ids, now],
    );
    return rowCount ?? 0;
  }

  /**
   * Ends the work on an account, as far as it was reported before `lookedAt`.
   * @returns whether it was reported again meanwhile: then it is due, and free
   */
  async end(id: string, holder: string, lookedAt: Date): Promise<boolean> {
    const { rows } = await this.database.pool.query(
      `WITH ended AS (
         DELETE FROM reported_accounts WHERE id = $1 AND leased_by = $2 AND reported_at <= $3)
       UPDATE reported_accounts SET leased_by = NULL, leased_until = NULL
       WHERE id = $1 AND leased_by = $2 AND reported_at > $3 RETURNING id`,
      [id, holder, lookedAt],
    );
    return rows.length > 0;
  }
}
