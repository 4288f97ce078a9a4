import { Problem } from '../http/problem.js';

/** Each open stream asks the database twice a second. */
const MAX_STREAMS = 100;
const MAX_PER_TEAM = 30;
const MAX_PER_KEY = 10;
const RETRY_SECONDS = 10;

/** The streams that are open in this process, of all, of each team and of each key. */
export class OpenStreams {
  /** By the ids of keys and of teams. */
  private readonly open = new Map<string, number>();
  private total = 0;
  private readonly ends = new Set<AbortController>();
  private isOver = false;

  /** Whether all have been told to end. */
  get areEnding(): boolean {
    return this.isOver;
  }

  /**
   * Counts a stream of a key until `left` aborts.
   * @returns aborts when the stream must end, see `endAll`
   * @throws Problem 429 when the key or its team has its most streams open, 503 when this process
   * has
   */
  enter(keyId: string, teamId: string, left: AbortSignal): AbortSignal {
    for (const [who, id, most] of [
      ['key', keyId, MAX_PER_KEY],
      ['team', teamId, MAX_PER_TEAM],
    ] as const) {
      if ((this.open.get(id) ?? 0) < most) continue;
      throw refused(
        'rate_limited',
        `The ${who} already has ${most} streams open on this replica. Close one`,
      );
    }
    if (this.total >= MAX_STREAMS)
      throw refused(
        'service_unavailable',
        `This replica already has ${MAX_STREAMS} streams open. Try again later`,
      );
    if (left.aborted) return left;
    const end = new AbortController();
    if (this.isOver) end.abort();
    this.ends.add(end);
    this.count([keyId, teamId], 1);
    const leave = () => {
      this.ends.delete(end);
      this.count([keyId, teamId], -1);
    };
    left.addEventListener('abort', leave, { once: true });
    return end.signal;
  }

  /** Ends every stream, and each that comes later. */
  endAll(): void {
    this.isOver = true;
    for (const end of this.ends) end.abort();
  }

  private count(ids: readonly string[], change: 1 | -1): void {
    this.total += change;
    for (const id of ids) {
      const count = (this.open.get(id) ?? 0) + change;
      if (count === 0) this.open.delete(id);
      else this.open.set(id, count);
    }
  }
}

function refused(code: 'rate_limited' | 'service_unavailable', why: string): Problem {
  return new Problem(code, `${why}, or poll GET /v1/events.`, { retry_after: RETRY_SECONDS });
}
