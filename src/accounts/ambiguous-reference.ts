import { Problem } from '../http/problem.js';
import type { AccountRow } from './accounts.repository.js';

/** @param found the accounts that it names */
export function ambiguousReference(reference: string, found: readonly AccountRow[]): Problem {
  const refs = found.map((account) => `${account.provider}:${account.provider_account_id}`);
  const names = found.map((account, index) => `${refs[index]} (${account.id})`).join(', ');
  return new Problem(
    'ambiguous_reference',
    `${reference} names several accounts. Use a ref or an id: ${names}.`,
    { refs: [...new Set(refs)] },
  );
}
