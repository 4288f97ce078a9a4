import { type ListOf, page } from '../lib/api';

export type Change = ListOf<'/v1/health/changes'>;

/** Pages of 200 that are read at most. */
const MAX_PAGES = 10;

/** Changes of health since a time (milliseconds), oldest first. */
export async function changesSince(since: number): Promise<readonly Change[]> {
  const found: Change[] = [];
  let after = new Date(since).toISOString();
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { data, pagination } = await page('/v1/health/changes', { since: after, limit: '200' });
    found.push(...data);
    if (!pagination.has_next || pagination.next_cursor === null) break;
    after = pagination.next_cursor;
  }
  return found;
}
