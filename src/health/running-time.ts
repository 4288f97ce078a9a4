import type { Database } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import { RunningTimeRepository } from './running-time.repository.js';

/** How often a gateway notes that it runs. */
const NOTE_EVERY_MS = 5_000;
/** A break shorter than this is no absence: all that is due is done a moment later. */
const MAX_BREAK_MS = 30_000;

/**
 * Since when somebody could look at accounts without a break: while no gateway ran, or none could
 * reach the database, nobody did, and that says nothing of the providers.
 */
export class RunningTime {
  private readonly repository: RunningTimeRepository;
  /** By the clock, and by this process's own, which nobody sets. */
  private noted: { readonly at: number; readonly own: number } | undefined;
  private since: Date | undefined;
  private hasFailed = false;

  constructor(
    database: Database,
    private readonly clock: Clock,
  ) {
    this.repository = new RunningTimeRepository(database);
  }

  /**
   * Notes that this gateway runs; after an absence of all of them each team hears once how long it
   * was.
   * @returns since when gateways run without a break
   */
  async note(): Promise<Date> {
    const now = this.clock.now();
    const own = performance.now();
    const { at = Number.NEGATIVE_INFINITY, own: ownAt = Number.NEGATIVE_INFINITY } =
      this.noted ?? {};
    const passedMs = Math.max(Math.abs(now.getTime() - at), own - ownAt);
    if (this.since !== undefined && passedMs < NOTE_EVERY_MS) return this.since;
    const isUnbroken = own - ownAt <= MAX_BREAK_MS && !this.hasFailed;
    this.hasFailed = true;
    this.since = await this.repository.note(now, isUnbroken, MAX_BREAK_MS);
    this.hasFailed = false;
    this.noted = { at: now.getTime(), own };
    return this.since;
  }
}
