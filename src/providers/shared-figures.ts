import type { Database } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import { CallCountsRepository, type OwnCount, type SharedCount } from './call-counts.repository.js';
import {
  bucketOf,
  type CallFigures,
  figuresOf,
  SPAN_NAMES,
  type Span,
  sliceOf,
} from './call-figures.js';
import type { AttemptOutcome } from './execute.js';
import { isFailure } from './provider-runtime.js';

/**
 * Recent success rates and latencies of the providers at each site, over all replicas and restarts. Each replica
 * counts in memory and shares its counts through the database every few seconds, so neither calls
 * to providers nor readers of the figures wait for the database.
 */
export class SharedFigures {
  /** Counted here since the counts were last shared. */
  private fresh = new Map<string, OwnCount>();
  /** Being written to the database. */
  private sending: readonly OwnCount[] = [];
  /** Of all replicas, as last read from the database. */
  private shared: readonly SharedCount[] = [];

  private readonly counts: CallCountsRepository;

  constructor(
    database: Database,
    private readonly clock: Clock,
  ) {
    this.counts = new CallCountsRepository(database);
  }

  /** Counts an attempt that has just ended. */
  note({ site, outcome, latencyMs }: Pick<AttemptOutcome, 'site' | 'outcome' | 'latencyMs'>): void {
    const now = this.clock.now().getTime();
    const [succeeded, failed] = isFailure(outcome) ? [0, 1] : [1, 0];
    for (const span of SPAN_NAMES)
      this.add({
        site,
        span,
        ...sliceOf(span, now),
        bucket: bucketOf(latencyMs),
        succeeded,
        failed,
      });
  }

  /**
   * The figures of some sites over a span: of all replicas until the counts were last shared, and of
   * this one until now.
   */
  read(sites: readonly string[], span: Span): CallFigures {
    const now = this.clock.now().getTime();
    const own = [...this.fresh.values(), ...this.sending].filter(
      ({ expiresAt }) => expiresAt > now,
    );
    return figuresOf(
      [...this.shared, ...own].filter((count) => sites.includes(count.site) && count.span === span),
    );
  }

  /**
   * Writes the counts of this replica to the database and reads those of all replicas. Each replica
   * runs it every few seconds.
   */
  async share(): Promise<void> {
    const now = this.clock.now();
    await this.send();
    this.shared = await this.counts.sums(now);
    this.sending = [];
    await this.counts.deleteExpired(now);
  }

  /** Writes the counts of this replica to the database. One that has counted nothing needs none. */
  async send(): Promise<void> {
    const counts = [...this.fresh.values()];
    if (counts.length === 0) return;
    this.sending = counts;
    this.fresh = new Map();
    try {
      await this.counts.add(counts);
    } catch (error) {
      this.sending = [];
      for (const count of counts) this.add(count);
      throw error;
    }
  }

  private add(count: OwnCount): void {
    const key = `${count.site} ${count.span} ${count.slice} ${count.bucket}`;
    const { succeeded = 0, failed = 0 } = this.fresh.get(key) ?? {};
    this.fresh.set(key, {
      ...count,
      succeeded: succeeded + count.succeeded,
      failed: failed + count.failed,
    });
  }
}
