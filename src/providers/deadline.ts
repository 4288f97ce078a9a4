/** One call, as what ends it sees it. */
export class Progress {
  private readonly ended = new AbortController();
  /** Aborts when the time is over, or when the caller stops. */
  readonly signal = this.ended.signal;
  /** Once anything was sent, a write may have been done. */
  isSent = false;
  private isAnswered = false;

  /** @param endsAt when its time is over, in milliseconds since 1970 by the gateway's clock */
  constructor(readonly endsAt: number) {}

  /** A request goes out: the provider's time begins. */
  sent(): void {
    this.isSent = true;
    this.isAnswered = false;
  }

  /** The answer is here: what still takes time is ours, and no failure of the provider. */
  readonly answered = (): void => {
    this.isAnswered = true;
  };

  /** Ends the call, unless it is answered. */
  timeIsOver(): void {
    if (!this.isAnswered) this.end();
  }

  /** @param reason what the signal's listeners are told */
  end(reason?: unknown): void {
    this.ended.abort(reason);
  }
}

/**
 * Runs a call that ends once its time is over, even if it waits for something that does not see its
 * signal.
 * @param ms its time
 * @param stopped the caller's own wish to stop
 * @throws the reason of the call's signal when it ends so
 */
export async function withDeadline<Value>(
  progress: Progress,
  ms: number,
  stopped: AbortSignal | undefined,
  run: () => Promise<Value>,
): Promise<Value> {
  const over = new Promise<never>((_resolve, reject) => {
    progress.signal.addEventListener('abort', () => reject(progress.signal.reason), { once: true });
  });
  const stop = () => progress.end(stopped?.reason);
  const timer = setTimeout(() => progress.timeIsOver(), ms);
  stopped?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([run(), over]);
  } finally {
    clearTimeout(timer);
    stopped?.removeEventListener('abort', stop);
  }
}
