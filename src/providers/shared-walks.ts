import { setImmediate } from 'node:timers/promises';
import { baseOf, credentialId, type ProviderConnection } from './connection.js';
import type { CallContext, Executor } from './execute.js';
import { type ObservedPage, walk } from './observe.js';

/** Someone who waits for a walk. */
interface Reader {
  readonly context: CallContext;
  readonly take: (page: ObservedPage) => void;
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Walks that looks at several accounts of one connection share. Each begins after all who read it
 * asked for it, so that it proves to each what a walk of its own would: whoever comes while one is
 * under way reads the next.
 */
export class SharedWalks {
  /** Who waits for the next walk, by connection; there is an entry while one is under way. */
  private readonly waiting = new Map<string, Reader[]>();

  /**
   * Reads the whole list with its health, in a walk that begins after this call.
   * @param context without a signal, as others read along; readers with different deadlines share
   * nothing
   * @param take is called with each page
   * @throws ProviderError when the list cannot be completed, as for all who read it
   */
  read(
    executor: Executor,
    connection: ProviderConnection,
    context: Omit<CallContext, 'signal'>,
    take: Reader['take'],
  ): Promise<void> {
    const adapter = executor.registry.require(connection.provider);
    const key = `${credentialId(connection, baseOf(adapter, connection))} ${context.deadlineMs}`;
    return new Promise((end, fail) => {
      const reader: Reader = { context, take, end, fail };
      const waiting = this.waiting.get(key);
      if (waiting !== undefined) {
        waiting.push(reader);
        return;
      }
      this.waiting.set(key, [reader]);
      void this.walkOn(executor, connection, key);
    });
  }

  /** Walks until nobody waits any more. Fails never: each walk's failure is its readers'. */
  private async walkOn(
    executor: Executor,
    connection: ProviderConnection,
    key: string,
  ): Promise<void> {
    // Those who come in the same moment read along.
    await setImmediate();
    for (let readers = this.takeWaiting(key); readers.length > 0; readers = this.takeWaiting(key)) {
      try {
        const context = contextOf(readers);
        for await (const page of walk(executor, connection, context, 'none', null))
          for (const { take } of readers) take(page);
        for (const { end } of readers) end();
      } catch (error) {
        for (const { fail } of readers) fail(error);
      }
    }
  }

  /** The readers of the next walk; with nobody there the connection's entry ends. */
  private takeWaiting(key: string): readonly Reader[] {
    const readers = this.waiting.get(key) ?? [];
    if (readers.length === 0) this.waiting.delete(key);
    else this.waiting.set(key, []);
    return readers;
  }
}

/** Each reader hears of each answer; the walk is traced with the first one's request. */
function contextOf(readers: readonly Reader[]): CallContext {
  const contexts = readers.map(({ context }) => context);
  return {
    ...contexts[0],
    onAnswer: (answer) => {
      for (const { onAnswer } of contexts) onAnswer?.(answer);
    },
  };
}
