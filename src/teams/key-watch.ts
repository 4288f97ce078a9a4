import type { KeyWatch, Watched } from '../http/caller.js';
import { type Clock, SteadyTime } from '../lib/clock.js';
import type { KeysRepository } from './keys.repository.js';

const LOOK_EVERY_MS = 1_000;
/** So long keys count as live while the database does not say. */
const MAX_UNKNOWN_MS = 3_000;

/**
 * Checks every second whether the keys and sessions of long requests are still valid, as another
 * replica may have revoked them: one query for all of them.
 */
export class DatabaseKeyWatch implements KeyWatch {
  private readonly watched = new Map<string, Set<AbortController>>();
  private looking: AbortController | undefined;

  constructor(
    private readonly keys: Pick<KeysRepository, 'findEnded'>,
    private readonly clock: Clock,
  ) {}

  watch({ key, sessionId }: Watched, left: AbortSignal): AbortSignal {
    const ended = new AbortController();
    if (left.aborted) return ended.signal;
    for (const id of sessionId === undefined ? [key.id] : [key.id, sessionId]) {
      this.watched.set(id, (this.watched.get(id) ?? new Set()).add(ended));
      left.addEventListener('abort', () => this.forget(id, ended), { once: true });
    }
    if (!this.looking) {
      this.looking = new AbortController();
      void this.look(this.looking.signal);
    }
    return ended.signal;
  }

  /** @param idle aborts when nothing is watched any more */
  private async look(idle: AbortSignal): Promise<void> {
    const time = new SteadyTime(this.clock);
    let knownAt = time.now();
    while (!idle.aborted) {
      const asked = [...this.watched.keys()];
      const ended = await this.keys.findEnded(asked, this.clock.now()).catch(() => undefined);
      if (ended) knownAt = time.now();
      const isUnknown = time.now() - knownAt >= MAX_UNKNOWN_MS;
      for (const id of ended ?? (isUnknown ? asked : [])) this.end(id);
      await this.clock.sleep(LOOK_EVERY_MS, idle).catch(() => undefined);
    }
  }

  private end(id: string): void {
    for (const ended of this.watched.get(id) ?? []) ended.abort();
  }

  private forget(id: string, ended: AbortController): void {
    const ofId = this.watched.get(id);
    ofId?.delete(ended);
    if (ofId?.size === 0) this.watched.delete(id);
    if (this.watched.size > 0) return;
    this.looking?.abort();
    this.looking = undefined;
  }
}
