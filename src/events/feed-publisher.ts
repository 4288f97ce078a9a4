import { setTimeout } from 'node:timers/promises';
import { inBackground } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import type { HistoriesRepository } from './histories.repository.js';

/** The longest that one who asks for the lag waits: it tells of overload, too. */
const MAX_LAG_MS = 250;
/**
 * The longest that readers wait for one run: as long as for a statement of their own. A run whose
 * session has fallen silent takes up to a minute, and another one begins beside it.
 */
const MAX_RUN_MS = 10_000;

/** What was written when it was looked at, and who was still writing. */
interface Look {
  readonly position: bigint;
  readonly at: number;
  /** Of those the ones that have not ended since. */
  writers: readonly string[];
}

/** How far feeds are behind. */
export interface FeedLag {
  /** Since when the oldest event that no feed shows has been known to be written; 0: none. */
  readonly seconds: number;
  /** The open transactions that it waits for. */
  readonly writers: number;
}

/** Of looks that wait for writers; beyond, a new one takes the place of the last. */
const MAX_LOOKS = 100;

/**
 * Decides how far feeds may show what is written. Positions are handed out while rows are written,
 * so one may be committed before a lower one; a position is published as soon as every transaction
 * has ended that was open when it was the highest. Each replica does that by itself: what one of
 * them publishes is true whoever else does, and whenever it dies.
 */
export class FeedPublisher {
  private looks: Look[] = [];
  /** The history that the looks are of. */
  private history = '';
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;

  constructor(
    private readonly histories: HistoriesRepository,
    private readonly clock: Clock,
  ) {}

  /** Publishes what can be of all that is committed by now. Calls at the same time share the work. */
  publish(): Promise<void> {
    if (this.next !== undefined) return this.next;
    if (this.running === undefined) return this.start();
    // The one that runs may have looked before what the caller knows of was committed.
    this.next = this.running
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        return this.start();
      });
    return this.next;
  }

  /**
   * Publishes, unless that takes long, and tells how far feeds are behind.
   * @throws Error of the database
   */
  async lag(): Promise<FeedLag> {
    await Promise.race([this.publish(), setTimeout(MAX_LAG_MS, undefined, { ref: false })]);
    const [oldest] = this.looks;
    if (oldest === undefined) return { seconds: 0, writers: 0 };
    const ms = Math.max(0, this.clock.now().getTime() - oldest.at);
    return { seconds: ms / 1000, writers: oldest.writers.length };
  }

  private start(): Promise<void> {
    const isOver = new AbortController();
    const patience = setTimeout(MAX_RUN_MS, undefined, { ref: false, signal: isOver.signal });
    const run = inBackground(() => this.run());
    this.running = Promise.race([run, patience]).finally(() => {
      this.running = undefined;
      isOver.abort();
    });
    patience.catch(() => undefined);
    return this.running;
  }

  private async run(): Promise<void> {
    let state = await this.histories.state();
    if (!state.isCurrent) {
      await this.histories.begin(this.clock.now());
      state = await this.histories.state();
    }
    const { number, published, written } = state;
    if (number !== this.history) this.looks = [];
    this.history = number;
    this.looks = this.looks.filter(({ position }) => position > published);
    if (written <= published) return;
    // After the highest position was read: who held a lower one then is there, or has ended.
    const writers = await this.histories.writers();
    for (const look of this.looks) look.writers = look.writers.filter((one) => writers.has(one));
    if (this.looks.at(-1)?.position !== written) {
      this.looks.length = Math.min(this.looks.length, MAX_LOOKS - 1);
      this.looks.push({
        position: written,
        at: this.clock.now().getTime(),
        writers: [...writers],
      });
    }
    const isFinal = ({ writers: open }: Look) => open.length === 0;
    const last = this.looks.findLast(isFinal);
    if (last === undefined) return;
    await this.histories.publish(number, last.position);
    this.looks = this.looks.filter(({ position }) => position > last.position);
  }
}
