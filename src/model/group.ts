import type { ObservedAccount } from './observed-account.js';

/**
 * The group that an account belongs to at its provider, as a field shows it: an object with its id
 * and perhaps its name, or the id alone.
 */
export function groupOf(
  shown: unknown,
  idField = 'id',
): Required<ObservedAccount>['providerGroup'] {
  const { [idField]: id, name }: Readonly<Record<string, unknown>> =
    typeof shown === 'string' ? { [idField]: shown } : Object(shown);
  if (typeof id !== 'string' || id === '') return null;
  return { id, name: typeof name === 'string' && name !== '' ? name : null };
}
