import type pg from 'pg';
import {
  type AccountRecord,
  findDiffering,
  type ObservationOwner,
  passLabelsOn,
  type SettleProfiles,
  toRecord,
  writeDiffering,
  writeObservations,
} from '../accounts/index.js';
import { recordAccountEvents } from '../events/index.js';
import type { Clock } from '../lib/clock.js';
import { mapInTurns } from '../lib/long-task.js';
import { lengthUpTo, storable } from '../lib/text.js';
import type { AnyAdapter, ProviderError } from '../model/index.js';
import {
  copyRank,
  type Observation,
  type ObservedPage,
  type QuarantinedItem,
} from '../providers/index.js';
import { type DegradedFieldCount, DegradedFields } from './degraded-fields.js';
import { ObservedAccountsRepository } from './observed-accounts.repository.js';
import type { RunLease } from './run-lease.repository.js';
import type { SweepCounts } from './sweeps.repository.js';
import { MAX_LISTED } from './sweeps.schema.js';

/** Accounts in one transaction, and their length as JSON. */
const BATCH_SIZE = 500;
const MAX_BATCH_LENGTH = 1_024 * 1_024;
/** Ids in one statement. */
const MAX_IDS = 5_000;
/** Below this many accounts any number may vanish at once. */
const SMALL_CONNECTION = 10;
/** So many new accounts change the table enough for the database to look at it again. */
const FIRST_ANALYSIS = 500;

/** What it takes to prove that accounts which a complete list lacks are gone. */
interface UnseenAccounts {
  /** Those that may be gone, the longest unseen first; the others wait for the next sweep. */
  readonly candidates: readonly string[];
  /** Whether the list alone proves their absence where the provider cannot be asked for one. */
  readonly isListProof: boolean;
}

/** What a look showed of a known account. */
interface Change {
  readonly record: AccountRecord;
  readonly observedAt: Date;
}

interface SweepRunParts {
  readonly lease: RunLease;
  readonly owner: ObservationOwner;
  readonly adapter: AnyAdapter;
  readonly startedAt: Date;
  readonly clock: Clock;
  readonly settleProfiles: SettleProfiles;
}

/**
 * One sweep of a connection under way: takes pages, writes what differs, and at the end decides on
 * what was not seen. What was seen is held in rows of the run, so that memory stays flat; each
 * transaction finds whether the run may still write (`RunLease`).
 *
 * New accounts are written at once. What changes a known account waits until the walk has ended,
 * as a later page may hold a copy of it that counts.
 */
export class SweepRun {
  private seen = 0;
  private added = 0;
  private changed = 0;
  /** How many accounts the connection had when the sweep began. */
  private liveBefore = 0;
  private vanished = 0;
  private quarantined = 0;
  /** Items that are accounts, copies included. */
  private items = 0;
  private listPages = 0;
  private readonly shown: QuarantinedItem[] = [];
  private readonly degradedFields = new DegradedFields();
  private sawUnnamed = false;
  private isHeld = false;
  private nextAnalysis = FIRST_ANALYSIS;
  private readonly waiting: Waiting[] = [];
  /** The batch that is being written while further pages are read. */
  private writing: Promise<void> = Promise.resolve();
  private readonly observed: ObservedAccountsRepository;
  /** Why the health of what was seen is not known. */
  healthFailure: ProviderError | null = null;

  private readonly lease: RunLease;
  private readonly owner: ObservationOwner;
  private readonly adapter: AnyAdapter;
  private readonly startedAt: Date;
  private readonly clock: Clock;
  private readonly settleProfiles: SettleProfiles;

  constructor(parts: SweepRunParts) {
    this.lease = parts.lease;
    this.owner = parts.owner;
    this.adapter = parts.adapter;
    this.startedAt = parts.startedAt;
    this.clock = parts.clock;
    this.settleProfiles = parts.settleProfiles;
    this.observed = new ObservedAccountsRepository(this.lease, this.startedAt);
  }

  async begin(): Promise<void> {
    this.liveBefore = await this.observed.countLive();
  }

  get counts(): SweepCounts {
    const { seen, added, changed, vanished, quarantined, items } = this;
    const unchanged = seen - added - changed;
    const duplicates = items - seen;
    return { seen, added, changed, vanished, unchanged, quarantined, duplicates };
  }

  /** The first items that could not be read, for the sweep's record. */
  get quarantine(): readonly QuarantinedItem[] {
    return this.shown;
  }

  /** The fields that could not be read. */
  get degraded(): readonly DegradedFieldCount[] {
    return this.degradedFields.all;
  }

  /**
   * Takes a page; rows are written in batches of several pages, so that a provider's small pages do
   * not make for many transactions. The last batch may still be on its way to the database: its
   * failure is that of the next call.
   */
  async take(page: ObservedPage): Promise<void> {
    this.healthFailure ??= page.healthFailure;
    const shown = page.source === 'health' ? await this.spelledAsHeld(page) : page;
    if (page.source === 'list') this.listPages += 1;
    for (const { degraded } of shown.accounts) this.degradedFields.add(degraded);
    await this.quarantineItems(shown.quarantined);
    this.waiting.push(...(await mapInTurns(shown.accounts, (one) => this.asWaiting(one))));
    await this.writeBatches(false);
  }

  /** Writes what still waits, at the end of the walk. */
  async flush(): Promise<void> {
    await this.writeBatches(true);
    for (;;) {
      const changes = await this.observed.takeStaged(BATCH_SIZE, MAX_BATCH_LENGTH);
      if (changes === null) break;
      // What was added in this sweep and is changed by a better copy counts as added.
      for (const isAdded of [true, false]) {
        const current = changes.filter((change) => change.isAdded === isAdded);
        const written = await this.writeRecords(current);
        if (!isAdded) this.changed += written;
      }
    }
    this.seen = await this.observed.countSeen();
  }

  /**
   * Ends a walk that broke off: what was seen is kept, and of what was seen unchanged that it was
   * looked at.
   */
  async breakOff(): Promise<void> {
    await this.flush();
    if (this.healthFailure === null)
      await this.lease.transaction((client) => this.observed.markChecked(client));
  }

  /**
   * What is to be proven before `complete` takes unseen accounts as gone. An item without a
   * readable id may be any of them, and accounts whose token is lost may be in a health report
   * alone: then none is. If more than half of a connection is missing at once, none is until a
   * second complete sweep misses it too.
   * @param limit how many candidates at most
   */
  async findUnseen(limit: number): Promise<UnseenAccounts> {
    const missing = await this.observed.countUnseen();
    if (missing === 0 || this.sawUnnamed || this.healthFailure !== null)
      return { candidates: [], isListProof: false };
    // New ones make the loss of the others no smaller.
    const isSuspicious = this.liveBefore > SMALL_CONNECTION && missing > this.liveBefore / 2;
    const candidates = await this.observed.findUnseen(isSuspicious, limit);
    this.isHeld = isSuspicious && candidates.length === 0;
    return { candidates, isListProof: this.listPages === 1 };
  }

  /** Of these, those that a complete sweep before missed too. */
  async missedBefore(candidates: readonly string[]): Promise<string[]> {
    const missed = new Set(await this.observed.findUnseen(true, Number.MAX_SAFE_INTEGER));
    return candidates.filter((id) => missed.has(id));
  }

  /** Writes accounts that the list lacks and the provider shows when it is asked for them. */
  async addFound(observations: readonly Observation[]): Promise<void> {
    const left = observations.map((one) => this.asWaiting(one));
    while (left.length > 0) {
      const batch = left.splice(0, endOfBatch(left) ?? left.length);
      await this.writeRecords(batch);
      const ids = batch.map(({ record }) => record.provider_account_id);
      const now = this.clock.now();
      await this.lease.transaction((client) => this.observed.markFound(client, ids, now));
    }
  }

  /** Notes accounts whose absence is proven. */
  async addAbsent(ids: readonly string[]): Promise<void> {
    if (ids.length > 0)
      await this.lease.transaction((client) => this.observed.addAbsent(client, ids));
  }

  /**
   * Ends a list that was read completely: accounts whose absence is proven are gone, others that
   * were not seen keep their age.
   * @param client within a transaction of the lease
   * @returns `held` when a second sweep is awaited
   */
  async complete(client: pg.ClientBase): Promise<'succeeded' | 'held'> {
    if (this.quarantined > 0) await this.observed.markQuarantined(client, this.sawUnnamed);
    if (this.sawUnnamed) return 'succeeded';
    const gone = await this.observed.markVanished(client);
    const events = gone.map((accountId) => ({ type: 'account.vanished' as const, accountId }));
    await recordAccountEvents(client, events, this.startedAt);
    await passLabelsOn(client, gone, this.startedAt);
    this.vanished = gone.length;
    await this.observed.markMissing(client);
    return this.isHeld ? 'held' : 'succeeded';
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    this.items += batch.length;
    const best = new Map<string, Waiting>();
    for (const copy of batch) {
      const { provider_account_id: id } = copy.record;
      const other = best.get(id);
      if (other === undefined || copy.rank > other.rank) best.set(id, copy);
    }
    const copies = [...best.values()];
    const records = copies.map(({ record }) => record);
    const added = await this.lease.transaction(async (client) => {
      const differing = await findDiffering(client, this.owner.id, records);
      const fresh = differing.filter(({ isNew }) => isNew);
      const isFresh = new Set(fresh.map(({ record }) => record));
      const changed = new Set(differing.flatMap(({ isNew, record }) => (isNew ? [] : [record])));
      await this.observed.add(
        client,
        copies.map(({ rank, record }) => ({
          id: record.provider_account_id,
          rank,
          isAdded: isFresh.has(record),
        })),
      );
      await this.observed.stage(
        client,
        copies.flatMap(({ rank, observedAt, record }) =>
          changed.has(record) ? [{ id: record.provider_account_id, rank, observedAt, record }] : [],
        ),
      );
      if (fresh.length === 0) return 0;
      const oldest = this.oldestOf(batch);
      const written = await writeDiffering(client, this.owner, fresh, oldest);
      await this.settleProfiles(client, this.clock.now());
      return written.length;
    });
    this.added += added;
    if (this.added >= this.nextAnalysis) {
      this.nextAnalysis = 2 * this.added;
      await this.observed.analyze();
    }
  }

  /** @returns how many accounts changed */
  private async writeRecords(changes: readonly Change[]): Promise<number> {
    if (changes.length === 0) return 0;
    // Copies of equal rank are one.
    const records = [
      ...new Map(changes.map(({ record }) => [record.provider_account_id, record])).values(),
    ];
    return this.lease.transaction(async (client) => {
      const oldest = this.oldestOf(changes);
      const written = await writeObservations(client, this.owner, records, oldest);
      if (written.length > 0) await this.settleProfiles(client, this.clock.now());
      return written.length;
    });
  }

  private asWaiting(observation: Observation): Waiting {
    return {
      record: toRecord(observation, this.adapter),
      observedAt: observation.observedAt,
      rank: copyRank(observation),
      length: lengthUpTo(observation, MAX_BATCH_LENGTH),
    };
  }

  /** A batch is as old as its oldest part. */
  private oldestOf(looks: readonly { readonly observedAt: Date }[]): Date {
    return looks.reduce(
      (oldest, { observedAt }) => (observedAt < oldest ? observedAt : oldest),
      this.clock.now(),
    );
  }

  /** A health report may spell an id otherwise than the list that it stands in for. */
  private async spelledAsHeld(page: ObservedPage): Promise<ObservedPage> {
    await this.writeBatches(true);
    const ids = [
      ...page.accounts.map(({ account }) => account.providerAccountId),
      ...page.quarantined.flatMap(({ id }) => (id === null ? [] : [id])),
    ];
    const held = new Map<string, string>();
    for (let from = 0; from < ids.length; from += MAX_IDS) {
      const found = await this.observed.findSpellings(ids.slice(from, from + MAX_IDS));
      for (const [lower, id] of found) held.set(lower, id);
    }
    const spelled = (id: string) => held.get(id.toLowerCase()) ?? id;
    return {
      ...page,
      accounts: page.accounts.map((observation) => ({
        ...observation,
        account: {
          ...observation.account,
          providerAccountId: spelled(observation.account.providerAccountId),
        },
      })),
      quarantined: page.quarantined.map((item) => ({
        ...item,
        id: item.id === null ? null : spelled(item.id),
      })),
    };
  }

  /**
   * Writes what waits, batch by batch, the last full one in the background.
   * @param all the last one too, which may be small, and nothing is under way any more in the end
   */
  private async writeBatches(all: boolean): Promise<void> {
    for (;;) {
      const end = endOfBatch(this.waiting) ?? (all ? this.waiting.length : 0);
      if (end === 0) break;
      await this.writing;
      const batch = this.waiting.splice(0, end);
      this.writing = this.write(batch);
      // Until it is awaited its failure is nobody's.
      this.writing.catch(() => undefined);
    }
    if (all) await this.writing;
  }

  private async quarantineItems(items: readonly QuarantinedItem[]): Promise<void> {
    this.quarantined += items.length;
    // An id that cannot be stored belongs to no stored account.
    const storableItems = items.map(({ id, reason }) => ({
      id: id === null ? null : storable(id),
      reason: storable(reason),
    }));
    this.shown.push(...storableItems.slice(0, MAX_LISTED - this.shown.length));
    const named = storableItems.flatMap(({ id }) => (id === null ? [] : [id]));
    if (named.length < items.length) this.sawUnnamed = true;
    for (let from = 0; from < named.length; from += MAX_IDS) {
      const ids = named.slice(from, from + MAX_IDS);
      await this.lease.transaction((client) => this.observed.addQuarantined(client, ids));
    }
  }
}

/** What waits to be written. */
interface Waiting extends Change {
  /** Of copies of one account the greatest counts. */
  readonly rank: string;
  /** As JSON, up to that of a batch. */
  readonly length: number;
}

/** Where the first batch is full; `null`: it is not. */
function endOfBatch(waiting: readonly Waiting[]): number | null {
  let total = 0;
  for (const [index, { length }] of waiting.entries()) {
    total += length;
    if (index + 1 >= BATCH_SIZE || total >= MAX_BATCH_LENGTH) return index + 1;
  }
  return null;
}
