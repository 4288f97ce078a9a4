import type pg from 'pg';

/** Not in the list, and neither made nor looked at since the sweep began. `$2` is the start. */
const UNSEEN = `a.created_at <= $2 AND a.checked_at <= $2
  AND NOT EXISTS (
    SELECT FROM observed_accounts s WHERE s.provider_account_id = a.provider_account_id)`;
const QUARANTINED = `EXISTS (
  SELECT FROM observed_accounts s
  WHERE s.quarantined AND s.provider_account_id = a.provider_account_id)`;
/** The connection's accounts that a sweep may judge: a disconnect has the others. */
const OF_CONNECTION = `a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting')`;

/**
 * The ids that one sweep has seen, in a temporary table of its database session, and what is
 * written of the connection's other accounts by comparison with them.
 */
export class ObservedAccountsRepository {
  /**
   * @param client the session, for as long as the sweep runs
   * @param startedAt when the sweep began
   */
  constructor(
    private readonly client: pg.ClientBase,
    private readonly connectionId: string,
    private readonly startedAt: Date,
  ) {}

  async create(): Promise<void> {
    await this.drop();
    await this.client.query(
      `CREATE TEMP TABLE observed_accounts (
         provider_account_id text PRIMARY KEY, quarantined boolean NOT NULL)`,
    );
  }

  async drop(): Promise<void> {
    await this.client.query('DROP TABLE IF EXISTS pg_temp.observed_accounts');
  }

  /** @returns how many of the ids were not seen before */
  async add(ids: readonly string[], quarantined: boolean): Promise<number> {
    const { rowCount } = await this.client.query({
      name: 'add-observed-accounts',
      text: `INSERT INTO observed_accounts SELECT DISTINCT id, $2::boolean
        FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING`,
      values: [ids, quarantined],
    });
    return rowCount ?? 0;
  }

  /** How many accounts of the connection there are, and how many of them were not seen. */
  async countUnseen(): Promise<{ readonly live: number; readonly missing: number }> {
    const { rows } = await this.client.query<{ live: number; missing: number }>(
      `SELECT count(*)::int AS live, (count(*) FILTER (WHERE ${UNSEEN}))::int AS missing
       FROM accounts a WHERE ${OF_CONNECTION}`,
      this.parameters,
    );
    return rows[0] ?? { live: 0, missing: 0 };
  }

  /**
   * Marks accounts that were not seen as disconnected by the provider.
   * @param missedBefore only those that the sweep before missed too
   * @returns their ids
   */
  async markVanished(missedBefore: boolean): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(
      `UPDATE accounts a SET status = 'disconnected', disconnect_cause = 'provider',
         disconnected_at = $2, updated_at = $2, missing_since = NULL, quarantined_at = NULL,
         content_hash = NULL
       WHERE ${OF_CONNECTION} AND ${UNSEEN} ${missedBefore ? 'AND a.missing_since IS NOT NULL' : ''}
       RETURNING a.id`,
      this.parameters,
    );
    return rows.map(({ id }) => id);
  }

  /** Marks accounts that were not seen and await a second sweep. */
  markMissing(): Promise<void> {
    return this.keepAge('missing_since', UNSEEN);
  }

  /**
   * Marks accounts whose items could not be read.
   * @param sawUnnamed an item had no readable id: it may be of any account that was not seen
   */
  markQuarantined(sawUnnamed: boolean): Promise<void> {
    const condition = sawUnnamed ? `(${QUARANTINED} OR (${UNSEEN}))` : QUARANTINED;
    return this.keepAge('quarantined_at', condition);
  }

  /** Notes of what was seen that it was looked at, for a sweep that does not end well. */
  async markChecked(): Promise<void> {
    await this.client.query(
      `UPDATE accounts a SET checked_at = $2 FROM observed_accounts s
       WHERE ${OF_CONNECTION} AND a.provider_account_id = s.provider_account_id
         AND NOT s.quarantined
         AND a.checked_at < $2`,
      this.parameters,
    );
  }

  /**
   * Has the database look at the table of accounts. Without it readers of a large first import wait
   * for whole-table plans until the database notices by itself, a minute or so later.
   */
  async analyze(): Promise<void> {
    await this.client.query('ANALYZE (SKIP_LOCKED) accounts');
  }

  /** Marks accounts that this sweep has no good look at; their evidence keeps the age it has. */
  private async keepAge(
    column: 'missing_since' | 'quarantined_at',
    condition: string,
  ): Promise<void> {
    await this.client.query(
      `UPDATE accounts a SET ${column} = $2, checked_at = GREATEST(a.checked_at, c.swept_at)
       FROM connections c WHERE c.id = a.connection_id AND ${OF_CONNECTION}
         AND a.created_at <= $2 AND a.${column} IS NULL AND ${condition}`,
      this.parameters,
    );
  }

  private get parameters(): [string, Date] {
    return [this.connectionId, this.startedAt];
  }
}
