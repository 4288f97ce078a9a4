import { randomUUID } from 'node:crypto';
import type { Database } from '../database/index.js';
import { type Clock, SteadyTime } from '../lib/clock.js';
import type { Limits } from '../model/index.js';
import { bucketOf, declaredRate } from './rate-limit.js';
import { type Lease, SharedLimitsRepository } from './shared-limits.repository.js';

/**
 * How long a replica may keep what it was granted. In a window of a minute this adds a thirtieth to
 * what is sent at most.
 */
const LEASE_MS = 2_000;
/** A replica that does not ask for so long has no part of a key's concurrency. */
const SEEN_MS = 10_000;
/** What a replica takes at once lasts it for a second at the limit's rate. */
const SLICE_MS = 1_000;
/** How long a replica goes on alone before it asks a database again that did not answer. */
const ALONE_MS = 1_000;

/** This process among those that share the limits of one database. */
export class SharedLimits {
  private readonly replica = randomUUID();
  private readonly repository: SharedLimitsRepository;
  /** Those that have something to give back. */
  private readonly granted = new Set<KeyQuota>();

  /** @param sign makes of a text what nobody without the secret can tie to it */
  constructor(
    database: Database,
    private readonly clock: Clock,
    private readonly sign: (text: string) => string,
  ) {
    this.repository = new SharedLimitsRepository(database);
  }

  /**
   * This process's part of one key's limit.
   * @param credentialId names the key; only a signature of it is written
   * @param changed is called when `concurrency` may have changed
   */
  quotaOf(credentialId: string, limits: Limits, changed: () => void): KeyQuota {
    const { repository, clock, replica, granted } = this;
    const id = this.sign(`limit ${credentialId}`);
    return new KeyQuota({ id, limits, repository, clock, replica, granted, changed });
  }

  /** Gives back what is not sent in time. Each replica runs it every second. */
  async giveBackUnused(): Promise<void> {
    await Promise.all([...this.granted].map((quota) => quota.giveBackUnused()));
  }

  async deleteExpired(): Promise<void> {
    await this.repository.deleteExpired(this.clock.now().getTime());
  }
}

interface KeyQuotaParts {
  readonly id: string;
  readonly limits: Limits;
  readonly repository: SharedLimitsRepository;
  readonly clock: Clock;
  readonly replica: string;
  readonly granted: Set<KeyQuota>;
  readonly changed: () => void;
}

/**
 * This process's share of a provider's limit for one key, beside the other replicas. It leases a
 * part of the limit at a time, so that most requests need no database query. While the database
 * does not answer, it counts alone.
 */
export class KeyQuota {
  private tokens = 0;
  /** Milliseconds since 1970, like the others: until when the tokens are good. */
  private leasedUntil = 0;
  private emptyUntil = 0;
  private aloneUntil = 0;
  private pausedUntil = 0;
  /** The other replicas, as last seen, and since when this one is seen beside them. */
  private others: readonly string[] = [];
  private seenSince = 0;
  private seenUntil = 0;
  private asking: Promise<void> | undefined;
  private readonly rate;
  private readonly time: SteadyTime;

  constructor(private readonly parts: KeyQuotaParts) {
    this.rate = bucketOf(declaredRate(parts.limits));
    this.time = new SteadyTime(parts.clock);
  }

  /**
   * How many requests this process may have under way: a part of the key's concurrency, 1 at least.
   * A replica that joins others has 1 until they have seen it.
   */
  get concurrency(): number {
    const { limits, replica } = this.parts;
    const now = this.now();
    if (now < this.aloneUntil) return limits.concurrency;
    if (now >= this.seenUntil) return 1;
    if (this.others.length === 0) return limits.concurrency;
    if (now < this.seenSince + LEASE_MS) return 1;
    const replicas = this.others.length + 1;
    const rank = this.others.filter((other) => other < replica).length;
    const [each, left] = [Math.floor(limits.concurrency / replicas), limits.concurrency % replicas];
    return Math.max(1, each + (rank < left ? 1 : 0));
  }

  /** Milliseconds for which the provider has asked any replica to pause. */
  get pausedMs(): number {
    return Math.max(0, this.pausedUntil - this.now());
  }

  /**
   * Takes the right to send one request.
   * @param counts whether it is counted here, and not by what the provider announces
   * @returns 0, or the milliseconds until the next try; `undefined`: the database does not answer
   */
  async take(counts: boolean): Promise<number | undefined> {
    for (;;) {
      const now = this.now();
      if (now < this.aloneUntil) return undefined;
      if (now < this.leasedUntil) {
        if (!counts) return 0;
        if (this.tokens > 0) {
          this.tokens -= 1;
          return 0;
        }
        if (now < this.emptyUntil) return this.emptyUntil - now;
      }
      this.asking ??= this.ask(counts).finally(() => {
        this.asking = undefined;
      });
      await this.asking;
    }
  }

  /** Has all replicas pause. */
  pause(seconds: number): void {
    const until = this.now() + seconds * 1_000;
    this.pausedUntil = Math.max(this.pausedUntil, until);
    void this.parts.repository.pause(this.parts.id, until).catch(() => undefined);
  }

  async giveBackUnused(): Promise<void> {
    if (this.now() < this.leasedUntil || this.asking !== undefined) return;
    const unused = this.forget();
    if (unused > 0)
      await this.parts.repository.giveBack(this.parts.id, unused * this.rate.requestMs);
  }

  private async ask(counts: boolean): Promise<void> {
    const { id, repository, replica, granted, changed } = this.parts;
    const { requestMs, burst } = this.rate;
    const wanted = counts ? this.slice : 0;
    const now = this.now();
    try {
      // Of those that join at once, at least one then sees the other.
      if (now >= this.seenUntil) await repository.join(id, replica, now + SEEN_MS);
      const lease = await repository.lease({
        ...{ id, replica, now, wanted, unused: this.forget(), requestMs, seenMs: SEEN_MS },
        burstMs: burst * requestMs,
      });
      this.note(lease, now, counts);
      if (lease.granted > 0) granted.add(this);
    } catch {
      this.aloneUntil = now + ALONE_MS;
    }
    changed();
  }

  private note({ granted, usedUntil, pausedUntil, others }: Lease, now: number, counts: boolean) {
    const { requestMs, burst } = this.rate;
    this.tokens = granted;
    this.leasedUntil = now + LEASE_MS;
    if (counts && granted === 0) {
      // A whole slice is waited for, so that one statement brings several requests.
      const until = usedUntil + (this.slice - burst) * requestMs;
      this.emptyUntil = Math.ceil(Math.max(until, now + 1));
      this.leasedUntil = Math.max(this.leasedUntil, this.emptyUntil);
    }
    this.pausedUntil = Math.max(this.pausedUntil, pausedUntil);
    if (now >= this.seenUntil) this.seenSince = now;
    this.seenUntil = now + SEEN_MS;
    this.others = others;
  }

  /** @returns how many requests were granted and not sent; it can send none of them any more */
  private forget(): number {
    const { tokens } = this;
    this.tokens = 0;
    this.parts.granted.delete(this);
    return tokens;
  }

  private get slice(): number {
    const { requestMs, burst } = this.rate;
    return Math.max(1, Math.min(Math.floor(burst / 2), Math.ceil(SLICE_MS / requestMs)));
  }

  private now(): number {
    return this.time.now();
  }
}
