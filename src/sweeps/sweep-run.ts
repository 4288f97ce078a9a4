import type pg from 'pg';
import { type ObservationOwner, toRecord, writeObservations } from '../accounts/index.js';
import { transact } from '../database/transact.js';
import { recordAccountEvents } from '../events/index.js';
import type { Clock } from '../lib/clock.js';
import { storable } from '../lib/text.js';
import type { AnyAdapter } from '../model/index.js';
import type { Observation, ObservedPage, QuarantinedItem } from '../providers/index.js';

const BATCH_SIZE = 500;
const MAX_QUARANTINE_LISTED = 100;
/** Below this many accounts any number may vanish at once. */
const SMALL_CONNECTION = 10;
/** So many new accounts change the table enough for the database to look at it again. */
const FIRST_ANALYSIS = 500;

/** What a sweep counts. */
export interface SweepCounts {
  readonly seen: number;
  readonly added: number;
  readonly changed: number;
  readonly vanished: number;
  readonly unchanged: number;
  readonly quarantined: number;
}

/**
 * One walk under way: takes pages, writes what differs, and at the end settles what was not seen.
 * All on one database session, whose temporary table holds the ids seen, so that memory stays flat
 * and nothing is left behind by a crash.
 */
export class SweepRun {
  private seen = 0;
  private added = 0;
  private changed = 0;
  private vanished = 0;
  private quarantined = 0;
  private readonly shown: QuarantinedItem[] = [];
  private sawUnnamed = false;
  private nextAnalysis = FIRST_ANALYSIS;
  private readonly waiting: Observation[] = [];

  constructor(
    private readonly client: pg.ClientBase,
    private readonly owner: ObservationOwner,
    private readonly adapter: AnyAdapter,
    private readonly startedAt: Date,
    private readonly clock: Clock,
  ) {}

  async begin(): Promise<void> {
    await this.client.query('DROP TABLE IF EXISTS pg_temp.observed_accounts');
    await this.client.query(
      'CREATE TEMP TABLE observed_accounts (provider_account_id text PRIMARY KEY, quarantined boolean NOT NULL)',
    );
  }

  async end(): Promise<void> {
    await this.client.query('DROP TABLE IF EXISTS pg_temp.observed_accounts');
  }

  get counts(): SweepCounts {
    const { seen, added, changed, vanished, quarantined } = this;
    return { seen, added, changed, vanished, unchanged: seen - added - changed, quarantined };
  }

  /** The first items that could not be read, for the sweep's record. */
  get quarantine(): readonly QuarantinedItem[] {
    return this.shown;
  }

  /**
   * Takes a page; rows are written in batches of several pages, so that a provider's small pages do
   * not make for many transactions.
   */
  async take(page: ObservedPage): Promise<void> {
    await this.setAside(page.quarantined);
    this.waiting.push(...page.accounts);
    while (this.waiting.length >= BATCH_SIZE) await this.write(this.waiting.splice(0, BATCH_SIZE));
  }

  /** Writes what still waits, at the end of the walk. */
  async flush(): Promise<void> {
    if (this.waiting.length > 0) await this.write(this.waiting.splice(0));
  }

  /**
   * Ends a walk that broke off: what was seen is kept, and of what was seen unchanged that it was
   * looked at.
   */
  async breakOff(): Promise<void> {
    await this.flush();
    await this.client.query(
      `UPDATE accounts a SET checked_at = $2 FROM observed_accounts s
       WHERE a.connection_id = $1 AND a.provider_account_id = s.provider_account_id AND NOT s.quarantined
         AND a.status NOT IN ('disconnected', 'disconnecting') AND a.checked_at < $2`,
      [this.owner.id, this.startedAt],
    );
  }

  private async write(observations: readonly Observation[]): Promise<void> {
    // A list that names an account twice (rows moved while it was paged) shows it once here.
    const records = [
      ...new Map(
        observations.map((observation) => [
          observation.account.providerAccountId,
          toRecord(observation, this.adapter),
        ]),
      ).values(),
    ];
    // A batch is as old as its oldest page.
    const observedAt = observations.reduce(
      (oldest, observation) => (observation.observedAt < oldest ? observation.observedAt : oldest),
      this.clock.now(),
    );
    const ids = records.map((record) => record.provider_account_id);
    const { changes, fresh } = await transact(this.client, async () => ({
      changes: await writeObservations(this.client, this.owner, records, observedAt),
      fresh: await this.noteObserved(ids, false),
    }));
    const added = changes.filter((change) => change.kind === 'added').length;
    this.seen += fresh;
    this.added += added;
    this.changed += changes.length - added;
    if (this.added >= this.nextAnalysis) await this.analyze();
  }

  /**
   * Without it readers of a large first import wait for whole-table plans until the database
   * notices by itself, a minute or so later.
   */
  private async analyze(): Promise<void> {
    this.nextAnalysis = 2 * this.added;
    await this.client.query('ANALYZE (SKIP_LOCKED) accounts');
  }

  private async setAside(items: readonly QuarantinedItem[]): Promise<void> {
    this.quarantined += items.length;
    // An id that cannot be stored is none of an account that is.
    const told = items.map(({ id, reason }) => ({
      id: id === null ? null : storable(id),
      reason: storable(reason),
    }));
    this.shown.push(...told.slice(0, MAX_QUARANTINE_LISTED - this.shown.length));
    const named = told.flatMap(({ id }) => (id === null ? [] : [id]));
    if (named.length < items.length) this.sawUnnamed = true;
    if (named.length > 0) await this.noteObserved(named, true);
  }

  /** @returns how many of the ids were not seen before */
  private async noteObserved(ids: readonly string[], quarantined: boolean): Promise<number> {
    const { rowCount } = await this.client.query({
      name: 'noteObserved',
      text: 'INSERT INTO observed_accounts SELECT DISTINCT id, $2::boolean FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING',
      values: [ids, quarantined],
    });
    return rowCount ?? 0;
  }

  /**
   * Settles a list that was read to its end, within a transaction of the caller's: accounts it does
   * not hold are gone. An item that could not be told apart may be any of them, so then nothing is.
   * If more than half of a connection vanishes at once, nothing is gone until the next sweep misses
   * it too.
   * @param previousHeld whether the sweep before this one was held for that reason
   * @returns `held` when a second opinion is awaited
   */
  async settle(previousHeld: boolean): Promise<'succeeded' | 'held'> {
    await this.markQuarantined();
    if (this.sawUnnamed) return 'succeeded';
    const { rows } = await this.client.query<{ live: string; missing: string }>(
      `SELECT count(*) AS live, count(*) FILTER (WHERE ${UNSEEN}) AS missing FROM accounts a
       WHERE a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting')`,
      [this.owner.id, this.startedAt],
    );
    const live = Number(rows[0]?.live);
    const missing = Number(rows[0]?.missing);
    if (missing === 0) return 'succeeded';
    const suspicious = live > SMALL_CONNECTION && missing > live / 2;
    if (!suspicious || previousHeld) {
      const condition = suspicious ? 'a.missing_since IS NOT NULL' : 'TRUE';
      const gone = await this.client.query<{ id: string }>(
        `UPDATE accounts a SET status = 'disconnected', disconnect_cause = 'provider', disconnected_at = $2, updated_at = $2,
           missing_since = NULL, quarantined_at = NULL, content_hash = NULL
         WHERE a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting') AND ${UNSEEN} AND ${condition} RETURNING a.id`,
        [this.owner.id, this.startedAt],
      );
      const events = gone.rows.map(({ id }) => ({
        type: 'account.vanished' as const,
        accountId: id,
      }));
      await recordAccountEvents(this.client, this.owner.teamId, events, this.startedAt);
      this.vanished = gone.rows.length;
      if (!suspicious) return 'succeeded';
    }
    await this.keepAge(`missing_since = $2`, `a.missing_since IS NULL AND ${UNSEEN}`);
    return this.vanished > 0 ? 'succeeded' : 'held';
  }

  private async markQuarantined(): Promise<void> {
    if (this.quarantined === 0) return;
    const isQuarantined =
      'EXISTS (SELECT FROM observed_accounts s WHERE s.quarantined AND s.provider_account_id = a.provider_account_id)';
    await this.keepAge(`quarantined_at = $2`, `a.quarantined_at IS NULL AND ${isQuarantined}`);
  }

  /** Marks accounts that this sweep has no good look at; their evidence keeps the age it has. */
  private async keepAge(assignment: string, condition: string): Promise<void> {
    await this.client.query(
      `UPDATE accounts a SET ${assignment}, checked_at = GREATEST(a.checked_at, c.swept_at)
       FROM connections c WHERE c.id = a.connection_id AND a.connection_id = $1 AND a.status NOT IN ('disconnected', 'disconnecting')
         AND a.created_at <= $2 AND ${condition}`,
      [this.owner.id, this.startedAt],
    );
  }
}

/** Not in the list, and neither made nor looked at since it was begun. `$2` is the start. */
const UNSEEN = `a.created_at <= $2 AND a.checked_at <= $2
  AND NOT EXISTS (SELECT FROM observed_accounts s WHERE s.provider_account_id = a.provider_account_id)`;
