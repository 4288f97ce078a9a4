import type { AnyAdapter, OperationName } from '../model/index.js';

/**
 * What a caller can do with an account, in the contract's words and order; `probe` and `disconnect`
 * come with what every provider has.
 */
const OFFERED: readonly (readonly [string, OperationName])[] = [
  ['probe', 'list'],
  ['update', 'update'],
  ['pause', 'pause'],
  ['resume', 'resume'],
  ['activity', 'activity'],
  ['stats', 'stats'],
  ['disconnect', 'disconnect'],
];

/** The names of the operations that callers can use at a provider. */
export function operationsOf(adapter: AnyAdapter): string[] {
  return OFFERED.filter(([, operation]) => adapter.operations[operation]).map(
    ([offered]) => offered,
  );
}
