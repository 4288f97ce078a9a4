import type pg from 'pg';
import { type AccountRecord, LOOKED_AT } from '../accounts/index.js';
import { withTransaction } from '../database/transact.js';
import type { RunLease } from './run-lease.repository.js';

/**
 * What the run has noted of the account `a`; `$3` is the run. The OFFSET keeps the planner from
 * making a join of it: what it believes of this table is always of other sweeps, and it would
 * compare each account with each.
 */
const noted = (condition: string) => `EXISTS (
  SELECT FROM sweep_observed s WHERE s.run_id = $3
    AND s.provider_account_id = a.provider_account_id AND ${condition} OFFSET 0)`;
/** Neither shown to the sweep, nor made or looked at since it began. `$2` is the start. */
const UNSEEN = `a.created_at <= $2 AND a.checked_at <= $2 AND NOT ${noted('NOT s.absent')}`;
const SEEN = noted('NOT s.quarantined AND NOT s.absent');
const QUARANTINED = noted('s.quarantined');
const ABSENT = noted('s.absent');
/** The connection's accounts that a sweep may judge: a disconnect has the others. */
const OF_CONNECTION = `a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting')`;

/** The columns by which accounts are found. */
const SELECTIVE = [
  ...['team_id', 'connection_id', 'provider', 'provider_account_id', 'profile_id'],
  ...['platform', 'platform_user_id', 'username_key', 'status', 'health_status', 'health_reason'],
  ...['followers_bucket', 'health_since', 'connected_at', 'created_at', 'updated_at'],
];

/** An account as a page shows it. */
interface ObservedAccount {
  readonly id: string;
  /** Orders copies that disagree: the greatest counts. */
  readonly rank: string;
  /** This sweep has added it. */
  readonly isAdded: boolean;
}

/** A change of a known account that waits for the end of the walk. */
interface StagedChange {
  readonly id: string;
  readonly rank: string;
  readonly observedAt: Date;
  readonly record: AccountRecord;
}

/** A staged change whose time has come. */
interface CurrentChange {
  readonly record: AccountRecord;
  readonly observedAt: Date;
  /** The account is one that this sweep has added. */
  readonly isAdded: boolean;
}

/**
 * The accounts that one sweep has seen, in rows with the id of its run, and what is written about
 * the connection's other accounts by comparison with them. Functions that write take the client of
 * a transaction of the run's lease.
 */
export class ObservedAccountsRepository {
  /** Of the last change that was staged, and of the last that was taken. */
  private staged = 0;
  private taken = 0;

  /** @param startedAt when the sweep began */
  constructor(
    private readonly lease: RunLease,
    private readonly startedAt: Date,
  ) {}

  /** Notes accounts; each id once in a call. Of copies the greatest rank stays. */
  async add(client: pg.ClientBase, accounts: readonly ObservedAccount[]): Promise<void> {
    await client.query({
      name: 'add-observed-accounts',
      text: `INSERT INTO sweep_observed AS o (run_id, provider_account_id, rank, added)
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::boolean[])
        ON CONFLICT (run_id, provider_account_id) DO UPDATE SET quarantined = FALSE,
          rank = GREATEST(o.rank, EXCLUDED.rank), added = o.added OR EXCLUDED.added`,
      values: [
        this.lease.id,
        accounts.map(({ id }) => id),
        accounts.map(({ rank }) => rank),
        accounts.map(({ isAdded }) => isAdded),
      ],
    });
  }

  /** Notes items that could not be read, by their ids. */
  async addQuarantined(client: pg.ClientBase, ids: readonly string[]): Promise<void> {
    await client.query(
      `INSERT INTO sweep_observed (run_id, provider_account_id, quarantined)
       SELECT DISTINCT $1::uuid, id, TRUE FROM unnest($2::text[]) AS id ON CONFLICT DO NOTHING`,
      [this.lease.id, ids],
    );
  }

  /** Notes accounts that were not seen and whose absence is proven. */
  async addAbsent(client: pg.ClientBase, ids: readonly string[]): Promise<void> {
    await client.query(
      `INSERT INTO sweep_observed (run_id, provider_account_id, absent)
       SELECT DISTINCT $1::uuid, id, TRUE FROM unnest($2::text[]) AS id ON CONFLICT DO NOTHING`,
      [this.lease.id, ids],
    );
  }

  /** How many accounts were seen. */
  async countSeen(): Promise<number> {
    const { rows } = await this.lease.pool.query<{ seen: number }>(
      `SELECT count(*)::int AS seen FROM sweep_observed
       WHERE run_id = $1 AND NOT quarantined AND NOT absent`,
      [this.lease.id],
    );
    return rows[0]?.seen ?? 0;
  }

  async stage(client: pg.ClientBase, changes: readonly StagedChange[]): Promise<void> {
    if (changes.length === 0) return;
    const before = this.staged;
    this.staged += changes.length;
    await client.query(
      `INSERT INTO sweep_staged (run_id, number, provider_account_id, rank, observed_at, record)
       SELECT $1, $2::bigint + n, c->>'id', c->>'rank', (c->>'observedAt')::timestamptz, c->'record'
       FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS i(c, n)`,
      [this.lease.id, before, JSON.stringify(changes)],
    );
  }

  /**
   * The next changes that were staged, oldest first, without those of copies that do not count.
   * @param maxLength of them all as JSON, but for the last one
   */
  async takeStaged(limit: number, maxLength: number): Promise<CurrentChange[] | null> {
    const { rows } = await this.lease.pool.query<
      CurrentChange & { readonly number: string; readonly isCurrent: boolean }
    >(
      `WITH next AS MATERIALIZED (
         SELECT * FROM sweep_staged WHERE run_id = $1 AND number > $2 ORDER BY number LIMIT $3),
       measured AS (
         SELECT *, sum(length(record::text)) OVER (ORDER BY number)
           - length(record::text) AS before
         FROM next)
       SELECT m.number, m.record, m.observed_at AS "observedAt", o.added AS "isAdded",
         m.rank = o.rank AS "isCurrent"
       FROM measured m CROSS JOIN LATERAL (
         SELECT added, rank FROM sweep_observed
         WHERE run_id = $1 AND provider_account_id = m.provider_account_id LIMIT 1) o
       WHERE m.before < $4 ORDER BY m.number`,
      [this.lease.id, this.taken, limit, maxLength],
    );
    const last = rows.at(-1);
    if (last === undefined) return null;
    this.taken = Number(last.number);
    return rows.filter(({ isCurrent }) => isCurrent);
  }

  /**
   * The ids that the connection's accounts have here, of those that are spelled so but for case; by
   * the lower-case spelling. Only of accounts that were not seen.
   */
  async findSpellings(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.lease.pool.query<{ id: string }>(
      `SELECT a.provider_account_id AS id FROM accounts a
       WHERE ${OF_CONNECTION} AND ${UNSEEN} AND lower(a.provider_account_id) = ANY($4)`,
      [...this.parameters, ids.map((id) => id.toLowerCase())],
    );
    return new Map(rows.map(({ id }) => [id.toLowerCase(), id]));
  }

  /** Whether the connection has one of these accounts, however its id is spelled. */
  async isAnyHeld(ids: readonly string[]): Promise<boolean> {
    const { rows } = await this.lease.pool.query(
      `SELECT 1 FROM accounts a WHERE a.connection_id = $1 AND a.status <> 'disconnected'
         AND (a.provider_account_id = ANY($2) OR lower(a.provider_account_id) = ANY($3)) LIMIT 1`,
      [this.lease.connectionId, ids, ids.map((id) => id.toLowerCase())],
    );
    return rows.length > 0;
  }

  /** How many accounts the connection has, and the names of the first of them. */
  async describeHeld(
    examples: number,
  ): Promise<{ readonly count: number; readonly examples: readonly string[] }> {
    const { rows } = await this.lease.pool.query<{ name: string; count: number }>(
      `SELECT COALESCE(a.username || ' (' || a.provider_account_id || ')', a.provider_account_id)
         AS name, (count(*) OVER ())::int AS count
       FROM accounts a WHERE a.connection_id = $1 AND a.status <> 'disconnected'
       ORDER BY a.id LIMIT $2`,
      [this.lease.connectionId, examples],
    );
    return { count: rows[0]?.count ?? 0, examples: rows.map(({ name }) => name) };
  }

  /** How many accounts the connection has at the moment. */
  async countLive(): Promise<number> {
    const { rows } = await this.lease.pool.query<{ live: number }>(
      `SELECT count(*)::int AS live FROM accounts a WHERE ${OF_CONNECTION}`,
      [this.lease.connectionId],
    );
    return rows[0]?.live ?? 0;
  }

  /** How many accounts of the connection were not seen. */
  async countUnseen(): Promise<number> {
    const { rows } = await this.lease.pool.query<{ missing: number }>(
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
    const { rows } = await this.lease.pool.query<{ id: string }>(
      `SELECT a.provider_account_id AS id
       FROM accounts a JOIN connections c ON c.id = a.connection_id
       WHERE ${OF_CONNECTION} AND ${UNSEEN} ${missedBefore ? 'AND a.missing_since IS NOT NULL' : ''}
       ORDER BY ${LOOKED_AT}, a.id LIMIT $4`,
      [...this.parameters, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Notes of accounts that were not listed and looked at by themselves that they are there. */
  async markFound(client: pg.ClientBase, ids: readonly string[], at: Date): Promise<void> {
    await client.query(
      `UPDATE accounts a
       SET checked_at = GREATEST(a.checked_at, $3::timestamptz), missing_since = NULL
       WHERE ${OF_CONNECTION} AND a.created_at <= $2 AND a.provider_account_id = ANY($4)`,
      [this.lease.connectionId, this.startedAt, at, ids],
    );
  }

  /**
   * Marks accounts whose absence is proven as disconnected by the provider.
   * @returns their ids
   */
  async markVanished(client: pg.ClientBase): Promise<string[]> {
    const { rows } = await client.query<{ id: string }>(
      `UPDATE accounts a SET status = 'disconnected', disconnect_cause = 'provider',
         disconnected_at = $2, updated_at = $2, missing_since = NULL, quarantined_at = NULL,
         content_hash = NULL
       WHERE ${OF_CONNECTION} AND ${UNSEEN} AND ${ABSENT} RETURNING a.id`,
      this.parameters,
    );
    return rows.map(({ id }) => id);
  }

  /** Marks accounts that were not seen: their absence is not proven yet. */
  markMissing(client: pg.ClientBase): Promise<void> {
    return this.keepAge(client, 'missing_since', UNSEEN);
  }

  /**
   * Marks accounts whose items could not be read.
   * @param sawUnnamed an item had no readable id: it may be of any account that was not seen
   */
  markQuarantined(client: pg.ClientBase, sawUnnamed: boolean): Promise<void> {
    const condition = sawUnnamed ? `(${QUARANTINED} OR (${UNSEEN}))` : QUARANTINED;
    return this.keepAge(client, 'quarantined_at', condition);
  }

  /** Notes of what was seen that it was looked at, for a sweep that does not end well. */
  async markChecked(client: pg.ClientBase): Promise<void> {
    await client.query(
      `UPDATE accounts a SET checked_at = $2
       WHERE ${OF_CONNECTION} AND a.checked_at < $2 AND ${SEEN}`,
      this.parameters,
    );
  }

  /**
   * Has the database look at the table of accounts. Without it readers of a large first import wait
   * for whole-table plans until the database notices by itself, a minute or so later. Until then a
   * sample of a tenth does: a whole one takes a second each time. With columns named it does not
   * count as the database's own look, which comes all the same.
   */
  async analyze(): Promise<void> {
    await withTransaction(this.lease.pool, async (client) => {
      await client.query('SET LOCAL default_statistics_target = 10');
      await client.query(`ANALYZE (SKIP_LOCKED) accounts (${SELECTIVE.join(', ')})`);
    });
  }

  /** Marks accounts that this sweep has no good look at; their evidence keeps the age it has. */
  private async keepAge(
    client: pg.ClientBase,
    column: 'missing_since' | 'quarantined_at',
    condition: string,
  ): Promise<void> {
    await client.query(
      `UPDATE accounts a SET ${column} = $2, checked_at = GREATEST(a.checked_at, c.swept_at)
       FROM connections c WHERE c.id = a.connection_id AND ${OF_CONNECTION}
         AND a.created_at <= $2 AND a.${column} IS NULL AND ${condition}`,
      this.parameters,
    );
  }

  private get parameters(): [string, Date, string] {
    return [this.lease.connectionId, this.startedAt, this.lease.id];
  }
}
