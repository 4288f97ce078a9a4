import fc from 'fast-check';
import { Undo } from '../../src/lib/undo.js';
import { expect, test } from '../support/jest.js';

test('every step is undone once, the last first, whichever fail, and the first failure is told', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 8 }), async (fail) => {
      const undo = new Undo();
      const done: number[] = [];
      for (const [number, fails] of fail.entries())
        undo.push(async () => {
          done.push(number);
          if (fails) throw new Error(`step ${number}`);
        });
      const last = fail.lastIndexOf(true);
      const told = await undo.run().then(
        () => 'nothing',
        ({ message }) => message,
      );
      expect(told).toBe(last < 0 ? 'nothing' : `step ${last}`);
      await undo.run();
      expect(done).toEqual([...fail.keys()].reverse());
    }),
  ));
