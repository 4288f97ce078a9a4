import { setImmediate } from 'node:timers/promises';

/** Milliseconds for which one task may keep the process from all others. */
const TURN_MS = 8;

/**
 * Work on something large that leaves room for the rest of the process: call `pause` between its
 * parts, each of which takes a millisecond or so at most.
 */
export class LongTask {
  private since = performance.now();

  /** Whether it is the others' turn: `if (task.isDue) await task.pause()`. */
  get isDue(): boolean {
    return performance.now() - this.since >= TURN_MS;
  }

  /** Lets the process do what waits. */
  async pause(): Promise<void> {
    await setImmediate();
    this.since = performance.now();
  }
}

/** As `items.map(work)`, leaving room for the rest of the process. */
export async function mapInTurns<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Result,
): Promise<Result[]> {
  const task = new LongTask();
  const results: Result[] = [];
  for (const item of items) {
    results.push(work(item));
    if (task.isDue) await task.pause();
  }
  return results;
}
