/** Too many wait for their turn already. */
export class TooManyWaiting extends Error {}

/** Lets so many run at once as are allowed at the moment; the others wait in order. */
export class Turns {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /**
   * @param allowed how many may run; call `letThrough` when that grows
   * @param queueLength how many may wait
   */
  constructor(
    private readonly allowed: () => number,
    private readonly queueLength: number,
  ) {}

  get figures(): { readonly running: number; readonly waiting: number } {
    return { running: this.running, waiting: this.waiting.length };
  }

  /** @throws TooManyWaiting at once */
  async execute<Value>(run: () => Promise<Value>): Promise<Value> {
    if (this.waiting.length === 0 && this.running < this.allowed()) this.running += 1;
    else {
      if (this.waiting.length >= this.queueLength) throw new TooManyWaiting();
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    try {
      return await run();
    } finally {
      this.running -= 1;
      this.letThrough();
    }
  }

  letThrough(): void {
    const free = this.allowed() - this.running;
    for (const begin of this.waiting.splice(0, Math.max(0, free))) {
      this.running += 1;
      begin();
    }
  }
}
