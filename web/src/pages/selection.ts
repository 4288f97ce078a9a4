import type { Query } from '../lib/api';

/** Ids that fit into an address; more are kept in this tab. */
const MAX_IN_ADDRESS = 50;
const KEPT = 'rollcall.selection';

/** The address's part that names these accounts. */
export function holdSelection(ids: readonly string[]): Query {
  if (ids.length <= MAX_IN_ADDRESS) return { account_ids: ids.join(',') };
  sessionStorage.setItem(KEPT, ids.join(','));
  return { account_ids: 'selection' };
}

/** The accounts that an address names; `undefined`: it names none. */
export function selectionOf(query: Query): readonly string[] | undefined {
  const named = query.account_ids;
  if (named === undefined) return undefined;
  return (named === 'selection' ? (sessionStorage.getItem(KEPT) ?? '') : named)
    .split(',')
    .filter((id) => id !== '');
}
