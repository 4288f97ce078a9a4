import { setTimeout as after } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';

/** What a team is refused in a second without waiting for it. */
const PER_SECOND = 50;
/** The longest that a refusal waits. */
const MAX_WAIT_MS = 1_000;
const MAX_TEAMS = 10_000;

/**
 * Paces what a team is refused because it asks for too much. Who asks again as soon as it is
 * refused, on many connections, would otherwise keep a replica busy with refusals alone: they are
 * cheap, and others wait for each. A caller that waits as `Retry-After` says notices nothing.
 */
export class Refusals {
  /** When each team's next refusal is due, in the time of `performance.now()`. */
  private readonly due = new LRUCache<string, number>({ max: MAX_TEAMS });

  /** Resolves when it is the turn of one more refusal of the team, after a second at most. */
  async turn(team: string): Promise<void> {
    const now = performance.now();
    const due = Math.min(Math.max(this.due.get(team) ?? 0, now), now + MAX_WAIT_MS);
    this.due.set(team, due + 1_000 / PER_SECOND);
    if (due > now) await after(due - now, undefined, { ref: false });
  }
}
