import { Problem } from '../http/problem.js';

/** Each open stream asks the database twice a second. */
const MAX_STREAMS = 100;
const MAX_PER_KEY = 10;
const RETRY_SECONDS = 10;

/** The streams that are open in this process, of all keys and of each. */
export class OpenStreams {
  private readonly ofKey = new Map<string, number>();
  private total = 0;

  /**
   * Counts a stream of a key until `left` aborts.
   * @throws Problem 429 when the key has its most streams open, 503 when this process has
   */
  enter(keyId: string, left: AbortSignal): void {
    const count = this.ofKey.get(keyId) ?? 0;
    if (count >= MAX_PER_KEY)
      throw refused(
        'rate_limited',
        `The key already has ${MAX_PER_KEY} streams open on this replica. Close one`,
      );
    if (this.total >= MAX_STREAMS)
      throw refused(
        'service_unavailable',
        `This replica already has ${MAX_STREAMS} streams open. Try again later`,
      );
    if (left.aborted) return;
    this.count(keyId, 1);
    left.addEventListener('abort', () => this.count(keyId, -1), { once: true });
  }

  private count(keyId: string, change: 1 | -1): void {
    const count = (this.ofKey.get(keyId) ?? 0) + change;
    if (count === 0) this.ofKey.delete(keyId);
    else this.ofKey.set(keyId, count);
    this.total += change;
  }
}

function refused(code: 'rate_limited' | 'service_unavailable', why: string): Problem {
  return new Problem(code, `${why}, or poll GET /v1/events.`, { retry_after: RETRY_SECONDS });
}
