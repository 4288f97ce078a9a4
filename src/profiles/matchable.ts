import { namesNobody } from '../accounts/index.js';

/** Ids of this length are not given out twice by chance, whatever their scope. */
const MIN_UNIQUE_LENGTH = 12;

function matchable(value: string | null): string | null {
  return value === null || namesNobody(value) ? null : value;
}

/** A platform's user id, byte for byte; null where it names nobody and so matches nothing. */
export const matchableId = (id: string | null) => matchable(id);

/** A username key; null where it names nobody and so matches nothing. */
export const matchableHandle = (handle: string | null) => matchable(handle);

/** Whether equal ids are one person whatever their scopes. */
export const isUniqueAnywhere = (id: string) => id.length >= MIN_UNIQUE_LENGTH;
