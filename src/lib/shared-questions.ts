/** The longest that those who wait for the next answer wait for the one before. */
const PATIENCE_MS = 250;

/**
 * One question at a time for each key: all who ask while it is under way share the next one, which
 * begins after they asked. So nobody gets an answer that is older than his question. At 16 requests
 * at once of one caller it is asked an eighth as often.
 */
export class SharedQuestions<Answer> {
  private readonly next = new Map<string, Promise<Answer>>();
  private readonly current = new Map<string, Promise<unknown>>();

  constructor(private readonly ask: (key: string) => Promise<Answer>) {}

  /** @throws what asking throws, for all who share it */
  answer(key: string): Promise<Answer> {
    const shared = this.next.get(key);
    if (shared !== undefined) return shared;
    const mine = this.askNext(key);
    this.next.set(key, mine);
    return mine;
  }

  private async askNext(key: string): Promise<Answer> {
    const before = this.current.get(key);
    // Who asks in the same turn of the event loop comes along.
    await (before === undefined ? new Promise(setImmediate) : atMost(before, PATIENCE_MS));
    this.next.delete(key);
    const asked = this.ask(key);
    const ended = asked.then(
      () => undefined,
      () => undefined,
    );
    this.current.set(key, ended);
    try {
      return await asked;
    } finally {
      if (this.current.get(key) === ended) this.current.delete(key);
    }
  }
}

/** Resolves with `work`, or when it takes longer: what hangs keeps nobody else waiting. */
async function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
