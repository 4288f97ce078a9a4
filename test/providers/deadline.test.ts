import { setTimeout as sleep } from 'node:timers/promises';
import { Progress, withDeadline } from '../../src/providers/deadline.js';
import { describe, expect, test } from '../support/jest.js';

const MS = 20;
const begin = () => new Progress(Date.now() + MS);
const never = () => new Promise<never>(() => undefined);

describe('the deadline of a call', () => {
  test('ends what does not see its signal', async () => {
    const progress = begin();
    await expect(withDeadline(progress, MS, undefined, never)).rejects.toThrow('aborted');
    expect(progress.signal.aborted).toBe(true);
  });

  test('is no limit on what is done with an answer that is here', async () => {
    const progress = begin();
    const read = async () => {
      progress.sent();
      progress.answered();
      await sleep(5 * MS);
      return 'read';
    };
    expect(await withDeadline(progress, MS, undefined, read)).toBe('read');
    expect(progress.signal.aborted).toBe(false);
  });

  test('ends a second request after an answer to the first', async () => {
    const progress = begin();
    const ask = () => {
      progress.sent();
      progress.answered();
      progress.sent();
      return never();
    };
    await expect(withDeadline(progress, MS, undefined, ask)).rejects.toThrow('aborted');
  });

  test('a caller who stops while it is read gives its reason', async () => {
    const stopped = new AbortController();
    const progress = begin();
    const read = () => {
      progress.sent();
      progress.answered();
      return never();
    };
    const call = withDeadline(progress, MS, stopped.signal, read);
    stopped.abort(new Error('shutting down'));
    await expect(call).rejects.toThrow('shutting down');
  });
});
