import type pg from 'pg';
import { type AccountRecord, LOOKED_AT } from '../accounts/index.js';

/** Neither shown to the sweep, nor made or looked at since it began. `$2` is the start. */
const UNSEEN = `a.created_at <= $2 AND a.checked_at <= $2
  AND NOT EXISTS (
    SELECT FROM observed_accounts s WHERE s.provider_account_id = a.provider_account_id)`;
const QUARANTINED = `EXISTS (
  SELECT FROM observed_accounts s
  WHERE s.quarantined AND s.provider_account_id = a.provider_account_id)`;
const ABSENT = `EXISTS (
  SELECT FROM absent_accounts s WHERE s.provider_account_id = a.provider_account_id)`;
/** The connection's accounts that a sweep may judge: a disconnect has the others. */
const OF_CONNECTION = `a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting')`;

/** An account as a page shows it. */
export interface ObservedAccount {
  readonly id: string;
  /** Orders copies that disagree: the greatest counts. */
  readonly rank: string;
}

/** A change of a known account that waits for the end of the walk. */
export interface StagedChange {
  readonly id: string;
  readonly rank: string;
  readonly observedAt: Date;
  readonly record: AccountRecord;
}

/** A staged change whose time has come. */
export interface CurrentChange {
  readonly record: AccountRecord;
  readonly observedAt: Date;
  /** The account is one that this sweep has added. */
  readonly isAdded: boolean;
}

/**
 * The accounts that one sweep has seen, in temporary tables of its database session, and what is
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
    await this.client.query(`
      CREATE TEMP TABLE observed_accounts (
        provider_account_id text PRIMARY KEY, quarantined boolean NOT NULL,
        added boolean NOT NULL DEFAULT FALSE, rank text COLLATE "C");
      CREATE TEMP TABLE staged_changes (
        number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, provider_account_id text NOT NULL,
        rank text COLLATE "C" NOT NULL, observed_at timestamptz NOT NULL, record jsonb NOT NULL);
      CREATE TEMP TABLE absent_accounts (provider_account_id text PRIMARY KEY)`);
  }

  async drop(): Promise<void> {
    await this.client.query(
      `DROP TABLE IF EXISTS
         pg_temp.observed_accounts, pg_temp.staged_changes, pg_temp.absent_accounts`,
    );
  }

  /** Notes accounts; each id once in a call. Of copies the greatest rank stays. */
  async add(accounts: readonly ObservedAccount[]): Promise<void> {
    await this.client.query({
      name: 'add-observed-accounts',
      text: `INSERT INTO observed_accounts AS o (provider_account_id, quarantined, rank)
        SELECT id, FALSE, rank FROM unnest($1::text[], $2::text[]) AS i(id, rank)
        ON CONFLICT (provider_account_id)
        DO UPDATE SET quarantined = FALSE, rank = GREATEST(o.rank, EXCLUDED.rank)`,
      values: [accounts.map(({ id }) => id), accounts.map(({ rank }) => rank)],
    });
  }

  /** Notes items that could not be read, by their ids. */
  async addQuarantined(ids: readonly string[]): Promise<void> {
    await this.client.query(
      `INSERT INTO observed_accounts (provider_account_id, quarantined)
       SELECT DISTINCT id, TRUE FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING`,
      [ids],
    );
  }

  /** Notes of observed accounts that this sweep has added them. */
  async markAdded(ids: readonly string[]): Promise<void> {
    await this.client.query(
      'UPDATE observed_accounts SET added = TRUE WHERE provider_account_id = ANY($1)',
      [ids],
    );
  }

  /** How many accounts were seen. */
  async countSeen(): Promise<number> {
    const { rows } = await this.client.query<{ seen: number }>(
      'SELECT count(*)::int AS seen FROM observed_accounts WHERE NOT quarantined',
    );
    return rows[0]?.seen ?? 0;
  }

  async stage(changes: readonly StagedChange[]): Promise<void> {
    await this.client.query(
      `INSERT INTO staged_changes (provider_account_id, rank, observed_at, record)
       SELECT * FROM jsonb_to_recordset($1::jsonb)
         AS r(id text, rank text, "observedAt" timestamptz, record jsonb)`,
      [JSON.stringify(changes)],
    );
  }

  /**
   * Takes the next changes that were staged, oldest first, without those of copies that do not
   * count.
   * @param maxLength of them all as JSON, but for the last one
   */
  async takeStaged(limit: number, maxLength: number): Promise<CurrentChange[] | null> {
    const { rows } = await this.client.query<CurrentChange & { readonly isCurrent: boolean }>(
      `WITH next AS (
         DELETE FROM staged_changes
         WHERE number IN (
           SELECT number FROM (
             SELECT number, sum(length(record::text)) OVER (ORDER BY number)
               - length(record::text) AS before
             FROM (SELECT * FROM staged_changes ORDER BY number LIMIT $1) f) n
           WHERE n.before < $2)
         RETURNING *)
       SELECT n.record, n.observed_at AS "observedAt", o.added AS "isAdded",
         n.rank = o.rank AS "isCurrent"
       FROM next n JOIN observed_accounts o USING (provider_account_id) ORDER BY n.number`,
      [limit, maxLength],
    );
    return rows.length === 0 ? null : rows.filter(({ isCurrent }) => isCurrent);
  }

  /**
   * The ids that the connection's accounts have here, of those that are spelled so but for case; by
   * the lower-case spelling. Only of accounts that were not seen.
   */
  async findSpellings(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT a.provider_account_id AS id FROM accounts a
       WHERE ${OF_CONNECTION} AND ${UNSEEN} AND lower(a.provider_account_id) = ANY($3)`,
      [...this.parameters, ids.map((id) => id.toLowerCase())],
    );
    return new Map(rows.map(({ id }) => [id.toLowerCase(), id]));
  }

  /** Whether the connection has one of these accounts, however its id is spelled. */
  async isAnyHeld(ids: readonly string[]): Promise<boolean> {
    const { rows } = await this.client.query(
      `SELECT 1 FROM accounts a WHERE a.connection_id = $1 AND a.status <> 'disconnected'
         AND (a.provider_account_id = ANY($2) OR lower(a.provider_account_id) = ANY($3)) LIMIT 1`,
      [this.connectionId, ids, ids.map((id) => id.toLowerCase())],
    );
    return rows.length > 0;
  }

  /** How many accounts the connection has, and the names of the first of them. */
  async describeHeld(
    examples: number,
  ): Promise<{ readonly count: number; readonly examples: readonly string[] }> {
    const { rows } = await this.client.query<{ name: string; count: number }>(
      `SELECT COALESCE(a.username || ' (' || a.provider_account_id || ')', a.provider_account_id)
         AS name, (count(*) OVER ())::int AS count
       FROM accounts a WHERE a.connection_id = $1 AND a.status <> 'disconnected'
       ORDER BY a.id LIMIT $2`,
      [this.connectionId, examples],
    );
    return { count: rows[0]?.count ?? 0, examples: rows.map(({ name }) => name) };
  }

  /** How many accounts the connection has at the moment. */
  async countLive(): Promise<number> {
    const { rows } = await this.client.query<{ live: number }>(
      `SELECT count(*)::int AS live FROM accounts a WHERE ${OF_CONNECTION}`,
      [this.connectionId],
    );
    return rows[0]?.live ?? 0;
  }

  /** How many accounts of the connection were not seen. */
  async countUnseen(): Promise<number> {
    const { rows } = await this.client.query<{ missing: number }>(
      `SELECT count(*)::int AS missing FROM accounts a WHERE ${OF_CONNECTION} AND ${UNSEEN}`,
      this.parameters,
    );
    return rows[0]?.missing ?? 0;
  }

  /**
   * Accounts that were not seen, those first whose last good look is oldest.
   * @param missedBefore only those that a complete sweep before missed too
   */
  async findUnseen(missedBefore: boolean, limit: number): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(
      `SELECT a.provider_account_id AS id
       FROM accounts a JOIN connections c ON c.id = a.connection_id
       WHERE ${OF_CONNECTION} AND ${UNSEEN} ${missedBefore ? 'AND a.missing_since IS NOT NULL' : ''}
       ORDER BY ${LOOKED_AT}, a.id LIMIT $3`,
      [...this.parameters, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Notes accounts whose absence is proven. */
  async addAbsent(ids: readonly string[]): Promise<void> {
    await this.client.query(
      `INSERT INTO absent_accounts SELECT DISTINCT id FROM unnest($1::text[]) AS id
       ON CONFLICT DO NOTHING`,
      [ids],
    );
  }

  /** Notes of accounts that were not listed and looked at by themselves that they are there. */
  async markFound(ids: readonly string[], at: Date): Promise<void> {
    await this.client.query(
      `UPDATE accounts a
       SET checked_at = GREATEST(a.checked_at, $4::timestamptz), missing_since = NULL
       WHERE ${OF_CONNECTION} AND a.created_at <= $2 AND a.provider_account_id = ANY($3)`,
      [...this.parameters, ids, at],
    );
  }

  /**
   * Marks accounts whose absence is proven as disconnected by the provider.
   * @returns their ids
   */
  async markVanished(): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(
      `UPDATE accounts a SET status = 'disconnected', disconnect_cause = 'provider',
         disconnected_at = $2, updated_at = $2, missing_since = NULL, quarantined_at = NULL,
         content_hash = NULL
       WHERE ${OF_CONNECTION} AND ${UNSEEN} AND ${ABSENT} RETURNING a.id`,
      this.parameters,
    );
    return rows.map(({ id }) => id);
  }

  /** Marks accounts that were not seen: their absence is not proven yet. */
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
