import type pg from 'pg';
import { type Database, isPassing, type Transaction } from '../database/index.js';
import { betweenCrashPoints } from '../lib/crash-point.js';
import { type Answer, type Rendered, render } from './answer.js';
import { Problem } from './problem.js';

/** A try at such a request, by the one process that is to do it. */
export interface IdempotentAttempt {
  /** Names the request; the same for each of its attempts. */
  readonly of: string;
  /**
   * When a process began this very request and died in the middle: what it asked of a provider may
   * have been done since.
   */
  readonly begunBefore: Date | undefined;
  /**
   * Stores the answer.
   * @param client within the transaction of the effect; `undefined`: the effect is committed
   * @param isLast whether it may be replayed at once; otherwise only should this process die before
   * it has a better one
   */
  keep(client: pg.ClientBase | undefined, answer: Rendered, isLast: boolean): Promise<void>;
}

declare const isCommitted: unique symbol;

/**
 * The answer of a request whose effect is committed. Only `commit` gives one, so what must return
 * one cannot go round it.
 */
export type Committed = Answer & { readonly [isCommitted]: true };

/**
 * Does the effect of a request: runs `work` as one transaction, which also stores the answer under
 * the request's Idempotency-Key, so that neither exists without the other. It may run again after a
 * deadlock, so everything it does besides queries must be safe to repeat.
 * @param later waits for a better answer after the commit; that answer replaces the first one,
 * unless this process dies before
 */
export type Commit = (
  work: (transaction: Transaction) => Promise<Answer>,
  later?: () => Promise<Answer>,
) => Promise<Committed>;

/** @param attempt at a request with an Idempotency-Key; without one no answer is stored */
export function committing(database: Database, attempt?: IdempotentAttempt): Commit {
  return async (work, later) => {
    const effect = async (transaction: Transaction) => {
      const answer = await work(transaction);
      await betweenCrashPoints('keep', async () =>
        attempt?.keep(transaction.client, render(answer), later === undefined),
      );
      return answer;
    };
    const first = await betweenCrashPoints('commit', () => database.transaction(effect));
    return committed(later ? await later().catch(standBy(first)) : first);
  };
}

/**
 * What is committed is reported: if the database is lost during the wait for a better answer, or
 * another server answers that does not have the change, the first answer is sent.
 */
function standBy(first: Answer): (error: unknown) => Answer {
  return (error) => {
    if (isPassing(error) || error instanceof Problem) return first;
    throw error;
  };
}

function committed(answer: Answer): Committed {
  return answer as Committed;
}
