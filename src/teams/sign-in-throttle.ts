import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { retryLater } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';

const WINDOW_MS = 60_000;
/** Attempts that fail, of one address and with one key, in a window. */
const MAX_OF_ADDRESS = 10;
const MAX_OF_KEY = 20;
const MAX_KNOWN = 20_000;

/** Attempts that failed, or are not decided yet. */
interface Attempts {
  count: number;
  readonly since: number;
}

/**
 * Slows down those who try keys, for each replica by itself: it is the database that is spared, as a
 * key cannot be guessed.
 */
export class SignInThrottle {
  private readonly attempts = new LRUCache<string, Attempts>({ max: MAX_KNOWN });

  constructor(private readonly clock: Clock) {}

  /**
   * Counts an attempt.
   * @param address of the caller
   * @param keyId `undefined` for what is no key
   * @returns takes the attempt back, as it was right
   * @throws Problem 429 after too many that were wrong
   */
  begin(address: string, keyId: string | undefined): () => void {
    const counted = [this.of(`address ${networkOf(address)}`)];
    const isOver = [(counted[0]?.count ?? 0) >= MAX_OF_ADDRESS];
    if (keyId !== undefined) {
      const ofKey = this.of(`key ${keyId}`);
      isOver.push(ofKey.count >= MAX_OF_KEY);
      counted.push(ofKey);
    }
    if (isOver.includes(true)) {
      const since = Math.min(...counted.map((attempts) => attempts.since));
      const seconds = Math.ceil((since + WINDOW_MS - this.clock.now().getTime()) / 1_000);
      throw retryLater('rate_limited', 'Too many attempts to sign in.', Math.max(1, seconds));
    }
    for (const attempts of counted) attempts.count += 1;
    return () => {
      for (const attempts of counted) attempts.count -= 1;
    };
  }

  private of(name: string): Attempts {
    const now = this.clock.now().getTime();
    const known = this.attempts.get(name);
    if (known && now >= known.since && now - known.since < WINDOW_MS) return known;
    const attempts = { count: 0, since: now };
    this.attempts.set(name, attempts);
    return attempts;
  }
}

/** An IPv6 caller has a whole /64 to itself. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  if (tail === undefined) return groups.slice(0, 4).join(':');
  const missing = 8 - groups.length - tail.split(':').length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail.split(':')]
    .slice(0, 4)
    .join(':');
}
