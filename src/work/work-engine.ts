import type { AnyWorkKind, WorkParts } from './work-kind.js';
import { WorkLoop } from './work-loop.js';
import type { WorkDepth } from './work-queue.js';

/**
 * Everything that is due in the background runs here. The rules:
 *
 * 1. Rows are the truth. A row is due from its time on; nothing in memory decides that. Looking for
 *    what is due is one statement each time, however many lanes there are.
 * 2. A due row is leased to one process, in one statement, and worked on by no other while that
 *    process lives and its lease lasts. The leases of a process that dies are free at once.
 * 3. Rows are taken by lane, one lane a connection or a webhook, the longest waiting first. Each
 *    lane has a bound, all have one together, and between them stand shares, such as a team's or a
 *    provider's: a lane that is slow uses up its own bound alone, and all lanes that are slow for
 *    one reason leave places to the others.
 * 4. Work has a deadline. Its signal aborts past it, when the lease is lost or the row is gone, when
 *    its lane is aborted, and when the process stops.
 * 5. Work that throws is put off for a second, then twice as long each time, five minutes at most.
 * 6. What came of an item is written by its own work with its effect, while it holds the lease. What
 *    its work left is given back.
 * 7. A result that is only being written takes no place: the next item begins meanwhile.
 */
export class WorkEngine {
  private readonly loops: ReadonlyMap<string, WorkLoop>;

  constructor(
    kinds: readonly AnyWorkKind[],
    private readonly parts: WorkParts,
  ) {
    this.loops = new Map(kinds.map((kind) => [kind.name, new WorkLoop(kind, parts)]));
  }

  /** Looks for work now and then from now on. */
  start(): void {
    for (const loop of this.loops.values()) loop.start();
  }

  /** Looks for a kind of work now; call it once the transaction that queued some has committed. */
  wake(kind: string): void {
    this.loops.get(kind)?.wake();
  }

  /** Aborts what this process does in a lane, such as that of a connection that was deleted. */
  abortLane(lane: string): void {
    for (const loop of this.loops.values()) loop.abortLane(lane);
  }

  /** Takes nothing any more; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    await Promise.all([...this.loops.values()].map((loop) => loop.stop()));
  }

  /** How much there is to do, by kind. */
  async depths(): Promise<ReadonlyMap<string, WorkDepth>> {
    const now = this.parts.clock.now();
    const depths = [...this.loops].map(
      async ([name, loop]) => [name, await loop.depth(now)] as const,
    );
    return new Map(await Promise.all(depths));
  }
}
