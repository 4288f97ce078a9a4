import type { KeyWatch } from '../http/caller.js';
import { type Clock, SteadyTime } from '../lib/clock.js';
import type { KeysRepository } from './keys.repository.js';

const LOOK_EVERY_MS = 1_000;
/** So long keys count as live while the database does not say. */
const MAX_UNKNOWN_MS = 3_000;

/**
 * Looks every second whether the keys of what goes on for long are still good, whichever replica
 * revoked them: one question for all of them.
 */
export class DatabaseKeyWatch implements KeyWatch {
  private readonly watched = new Map<string, Set<AbortController>>();
  private looking: AbortController | undefined;

  constructor(
    private readonly keys: Pick<KeysRepository, 'findEnded'>,
    private readonly clock: Clock,
  ) {}

  watch(keyId: string, left: AbortSignal): AbortSignal {
    const ended = new AbortController();
    if (left.aborted) return ended.signal;
    this.watched.set(keyId, (this.watched.get(keyId) ?? new Set()).add(ended));
    left.addEventListener('abort', () => this.forget(keyId, ended), { once: true });
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
      for (const keyId of ended ?? (isUnknown ? asked : [])) this.end(keyId);
      await this.clock.sleep(LOOK_EVERY_MS, idle).catch(() => undefined);
    }
  }

  private end(keyId: string): void {
    for (const ended of this.watched.get(keyId) ?? []) ended.abort();
  }

  private forget(keyId: string, ended: AbortController): void {
    const ofKey = this.watched.get(keyId);
    ofKey?.delete(ended);
    if (ofKey?.size === 0) this.watched.delete(keyId);
    if (this.watched.size > 0) return;
    this.looking?.abort();
    this.looking = undefined;
  }
}
