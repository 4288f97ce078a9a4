import type pg from 'pg';
import { type ObservationOwner, toRecord, writeObservations } from '../accounts/index.js';
import { transact } from '../database/transact.js';
import { recordAccountEvents } from '../events/index.js';
import type { Clock } from '../lib/clock.js';
import { storable } from '../lib/text.js';
import type { AnyAdapter } from '../model/index.js';
import type { Observation, ObservedPage, QuarantinedItem } from '../providers/index.js';
import { ObservedAccountsRepository } from './observed-accounts.repository.js';
import type { SweepCounts } from './sweeps.repository.js';

const BATCH_SIZE = 500;
const MAX_QUARANTINE_LISTED = 100;
/** Below this many accounts any number may vanish at once. */
const SMALL_CONNECTION = 10;
/** So many new accounts change the table enough for the database to look at it again. */
const FIRST_ANALYSIS = 500;

/**
 * One sweep of a connection under way: takes pages, writes what differs, and at the end decides on
 * what was not seen. All on one database session, whose temporary table holds the ids seen, so that
 * memory stays flat and nothing is left behind by a crash.
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
  private readonly observed: ObservedAccountsRepository;

  constructor(
    private readonly client: pg.ClientBase,
    private readonly owner: ObservationOwner,
    private readonly adapter: AnyAdapter,
    private readonly startedAt: Date,
    private readonly clock: Clock,
  ) {
    this.observed = new ObservedAccountsRepository(client, owner.id, startedAt);
  }

  begin(): Promise<void> {
    return this.observed.create();
  }

  end(): Promise<void> {
    return this.observed.drop();
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
    await this.quarantineItems(page.quarantined);
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
    await this.observed.markChecked();
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
      fresh: await this.observed.add(ids, false),
    }));
    const added = changes.filter((change) => change.kind === 'added').length;
    this.seen += fresh;
    this.added += added;
    this.changed += changes.length - added;
    if (this.added >= this.nextAnalysis) {
      this.nextAnalysis = 2 * this.added;
      await this.observed.analyze();
    }
  }

  private async quarantineItems(items: readonly QuarantinedItem[]): Promise<void> {
    this.quarantined += items.length;
    // An id that cannot be stored belongs to no stored account.
    const storableItems = items.map(({ id, reason }) => ({
      id: id === null ? null : storable(id),
      reason: storable(reason),
    }));
    this.shown.push(...storableItems.slice(0, MAX_QUARANTINE_LISTED - this.shown.length));
    const named = storableItems.flatMap(({ id }) => (id === null ? [] : [id]));
    if (named.length < items.length) this.sawUnnamed = true;
    if (named.length > 0) await this.observed.add(named, true);
  }

  /**
   * Ends a list that was read completely, within a transaction of the caller's: accounts it does
   * not hold are gone. An item without a readable id may be any of them, so then nothing is.
   * If more than half of a connection vanishes at once, nothing is gone until the next sweep misses
   * it too.
   * @param previousHeld whether the sweep before this one was held for that reason
   * @returns `held` when a second opinion is awaited
   */
  async complete(previousHeld: boolean): Promise<'succeeded' | 'held'> {
    if (this.quarantined > 0) await this.observed.markQuarantined(this.sawUnnamed);
    if (this.sawUnnamed) return 'succeeded';
    const { live, missing } = await this.observed.countUnseen();
    if (missing === 0) return 'succeeded';
    const suspicious = live > SMALL_CONNECTION && missing > live / 2;
    if (!suspicious || previousHeld) {
      const gone = await this.observed.markVanished(suspicious);
      const events = gone.map((accountId) => ({ type: 'account.vanished' as const, accountId }));
      await recordAccountEvents(this.client, events, this.startedAt);
      this.vanished = gone.length;
      if (!suspicious) return 'succeeded';
    }
    await this.observed.markMissing();
    return this.vanished > 0 ? 'succeeded' : 'held';
  }
}
