/** An answer of more bytes is large. */
export const LARGE_BYTES = 1024 * 1024;
/** Of all providers. */
const MAX_AT_ONCE = 4;
/** The others are left to other providers: one may take its time with each. */
const MAX_OF_PROVIDER = 2;

interface Waiter {
  readonly provider: string;
  readonly take: () => void;
}

/**
 * Turns at large answers: so many at once are held in memory, whoever asked for them. Who waits for
 * its turn takes nothing more from its socket.
 */
export class LargeAnswers {
  private readonly waiting: Waiter[] = [];
  private readonly heldBy = new Map<string, number>();
  private held = 0;

  /**
   * Waits for a turn.
   * @returns what gives it back, once
   * @throws the signal's reason when it aborts before
   */
  async turn(provider: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const take = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const waiter = { provider, take };
      signal.addEventListener('abort', abort, { once: true });
      this.waiting.push(waiter);
      this.grant();
    });
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.count(provider, -1);
      this.grant();
    };
  }

  private grant(): void {
    while (this.held < MAX_AT_ONCE) {
      const next = this.waiting.findIndex(
        ({ provider }) => (this.heldBy.get(provider) ?? 0) < MAX_OF_PROVIDER,
      );
      const [waiter] = next < 0 ? [] : this.waiting.splice(next, 1);
      if (waiter === undefined) return;
      this.count(waiter.provider, 1);
      waiter.take();
    }
  }

  private count(provider: string, change: 1 | -1): void {
    this.held += change;
    this.heldBy.set(provider, (this.heldBy.get(provider) ?? 0) + change);
  }
}
