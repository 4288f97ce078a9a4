import type { Fields } from './message.js';

/** Accounts made by rule from their index, so that a hundred thousand of them cost no memory. */
interface GeneratedAccounts {
  readonly count: number;
  readonly idAt: (index: number) => string;
  /** The index of an id this rule makes, whatever the count. */
  readonly indexOf: (id: string) => number | undefined;
  readonly accountAt: (index: number) => Fields;
}

/**
 * What a provider holds before anybody changes anything. Both parts are in order of age, the oldest
 * first.
 */
export interface AccountSource {
  readonly seeded: ReadonlyMap<string, Fields>;
  readonly generated: GeneratedAccounts;
}

export const NO_GENERATED_ACCOUNTS: GeneratedAccounts = {
  count: 0,
  idAt: String,
  indexOf: () => undefined,
  accountAt: () => ({}),
};

/** Fields an account will take on by itself at a time (milliseconds since 1970). */
interface ScheduledChange {
  readonly id: string;
  readonly at: number;
  readonly fields: Fields;
}

/** Only what differs from the source. */
export interface SavedAccounts {
  readonly created: readonly string[];
  readonly removed: readonly string[];
  readonly changes: readonly (readonly [id: string, change: Fields])[];
  readonly scheduled: readonly ScheduledChange[];
}

/** An account with its place in the order of age, which no removal moves. */
export interface Entry {
  readonly id: string;
  readonly position: number;
  readonly account: Fields;
}

/** The accounts of one provider: its source with the changes made since laid over it. */
export class Accounts {
  /** Counts the changes, so that a caller can tell whether there was one. */
  revision = 0;
  readonly #source: AccountSource;
  readonly #seededIds: readonly string[];
  readonly #changes = new Map<string, Fields>();
  readonly #removed = new Set<string>();
  readonly #created: string[] = [];
  #scheduled: ScheduledChange[] = [];

  constructor(source: AccountSource) {
    this.#source = source;
    this.#seededIds = [...source.seeded.keys()];
  }

  get(id: string): Fields | undefined {
    if (this.#removed.has(id)) return undefined;
    const change = this.#changes.get(id);
    const original = this.#original(id);
    return change === undefined ? original : { ...original, ...change };
  }

  /** Whether there is such an account, or was before it was removed. */
  knows(id: string): boolean {
    return this.#changes.has(id) || this.#original(id) !== undefined;
  }

  /**
   * Merges the fields into the account, brings a removed one back as it was but for the fields, or
   * makes a new one of them.
   */
  put(id: string, fields: Fields): void {
    if (!this.knows(id)) this.#created.push(id);
    this.#removed.delete(id);
    this.#changes.set(id, { ...this.#changes.get(id), ...fields });
    this.revision += 1;
  }

  /** Puts the fields once `at` has come, unless the account is gone by then. */
  putLater(id: string, fields: Fields, at: Date): void {
    this.#scheduled.push({ id, at: at.getTime(), fields });
    this.revision += 1;
  }

  /** Forgets what was to happen to the account by itself. */
  cancelLater(id: string): void {
    this.#scheduled = this.#scheduled.filter((change) => change.id !== id);
  }

  /** Makes the scheduled changes whose time has come. */
  settle(now: Date): void {
    if (this.#scheduled.length === 0) return;
    const isDue = (change: ScheduledChange) => change.at <= now.getTime();
    const due = this.#scheduled.filter(isDue);
    this.#scheduled = this.#scheduled.filter((change) => !isDue(change));
    for (const change of due) if (this.get(change.id)) this.put(change.id, change.fields);
  }

  /** Whether there was an account to remove. */
  remove(id: string): boolean {
    if (!this.get(id)) return false;
    this.#removed.add(id);
    this.cancelLater(id);
    this.revision += 1;
    return true;
  }

  get size(): number {
    return this.#positions - this.#removed.size;
  }

  /** How many accounts were ever made here; the next id is derived from it. */
  get createdCount(): number {
    return this.#created.length;
  }

  /**
   * Walks in order of age, from behind the position `after`. Accounts that come or go meanwhile
   * shift no other.
   */
  *walk(direction: 'oldest_first' | 'newest_first', after?: number): Generator<Entry> {
    const step = direction === 'oldest_first' ? 1 : -1;
    const start = direction === 'oldest_first' ? 0 : this.#positions - 1;
    for (
      let position = after === undefined ? start : after + step;
      position >= 0 && position < this.#positions;
      position += step
    ) {
      const id = this.#idAt(position);
      const account = this.get(id);
      if (account) yield { id, position, account };
    }
  }

  /** What differs from the source. */
  save(): SavedAccounts {
    return {
      created: this.#created,
      removed: [...this.#removed],
      changes: [...this.#changes],
      scheduled: this.#scheduled,
    };
  }

  /**
   * Back to the source, then to what was saved. Changes to generated accounts that are no longer
   * made are dropped.
   */
  restore(saved: SavedAccounts): void {
    this.#created.splice(0, this.#created.length, ...saved.created);
    this.#changes.clear();
    this.#removed.clear();
    const created = new Set(saved.created);
    for (const [id, change] of saved.changes)
      if (created.has(id) || this.#original(id)) this.#changes.set(id, change);
    for (const id of saved.removed) if (this.knows(id)) this.#removed.add(id);
    this.#scheduled = [...saved.scheduled];
    this.revision += 1;
  }

  get #positions(): number {
    return this.#source.generated.count + this.#seededIds.length + this.#created.length;
  }

  #idAt(position: number): string {
    const { generated } = this.#source;
    if (position < generated.count) return generated.idAt(position);
    const index = position - generated.count;
    return this.#seededIds[index] ?? this.#created[index - this.#seededIds.length] ?? '';
  }

  #original(id: string): Fields | undefined {
    const { seeded, generated } = this.#source;
    const account = seeded.get(id);
    if (account) return account;
    const index = generated.indexOf(id);
    return index !== undefined && index < generated.count ? generated.accountAt(index) : undefined;
  }
}
