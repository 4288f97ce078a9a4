import { z } from 'zod';
import { allAtOnce, defineAdapter, get, type ProviderPath, path } from '../../src/model/index.js';
import { bareAdapter, bareParts } from '../support/small-adapters.js';

const list = { request: () => get(path`/integrations`), ...allAtOnce() };
const disconnect = {
  request: ({ id }: { id: string }) => get(path`/integrations/${id}`),
  response: z.object({ id: z.string() }),
};

// `tsc --noEmit` is the test: each of these must not compile, and says so when it does.
export const wrong = [
  // @ts-expect-error a list needs a map: its answer is no page
  defineAdapter({ ...bareParts, operations: { list: { ...list, map: undefined } } }),
  // @ts-expect-error there is no operation of that name
  defineAdapter({ ...bareParts, operations: { list, disconnnect: disconnect } }),
  // @ts-expect-error every adapter lists
  defineAdapter({ ...bareParts, operations: { disconnect } }),
  defineAdapter({
    ...bareParts,
    operations: {
      list,
      // @ts-expect-error the answer has no such field
      disconnect: { ...disconnect, subject: ({ _id }) => _id },
    },
  }),
];
// @ts-expect-error a text is no path: nothing in it is encoded
export const unencoded: ProviderPath = '/accounts/1';
/** What may be left out is there in what the engine gets. */
export const whole = bareAdapter.operations.disconnect?.map;
