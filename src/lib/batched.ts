import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Gathers calls into one while the one before it is under way, so that many small writes share a
 * transaction and one alone waits for nothing. Where a whole batch fails its items are tried one by
 * one, so that a bad one spoils no other.
 * @param work gets up to `most` items and answers with as many results, in their order
 * @param pauseMs milliseconds in which a next batch gathers that is not full
 */
export function batched<Item, Result>(
  most: number,
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  pauseMs = 0,
) {
  interface Waiting {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }
  const queue: Waiting[] = [];
  let isRunning = false;

  const finish = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const results = await work(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      else for (const one of batch) await finish([one]);
    }
  };
  const drain = async (): Promise<void> => {
    isRunning = true;
    while (queue.length > 0) {
      await finish(queue.splice(0, most));
      if (pauseMs > 0 && queue.length < most) await sleep(pauseMs);
    }
    isRunning = false;
  };
  return (item: Item): Promise<Result> =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      // What is asked for in the same turn of the event loop comes along.
      if (!isRunning) {
        isRunning = true;
        setImmediate(() => void drain());
      }
    });
}
