import type { Database } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import { RunningTimeRepository } from './running-time.repository.js';

/** How often a gateway notes that it runs. */
export const NOTE_EVERY_MS = 5_000;

/**
 * Since when a gateway could check accounts without interruption. While no gateway ran, or none
 * could reach the database, nothing was checked, and that says nothing about the providers. The
 * same holds for a gateway whose machine was suspended: its process continues as if nothing had
 * happened, and its own clock may have stopped, but the time between two notes is longer than the
 * interval between notes.
 */
export class RunningTime {
  private readonly repository: RunningTimeRepository;
  private noted: { readonly at: Date; readonly since: Date } | undefined;

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
    const at = this.clock.now();
    if (this.noted !== undefined) {
      // A clock may be set back, too.
      const passedMs = Math.abs(at.getTime() - this.noted.at.getTime());
      if (passedMs < NOTE_EVERY_MS) return this.noted.since;
    }
    const since = await this.repository.note(at);
    this.noted = { at, since };
    return since;
  }
}
