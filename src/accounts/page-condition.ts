import type { Parameters } from '../database/sql.js';
import { soughtIds } from '../http/short-walk.js';
import { type AccountFilter, nameConditions, rowConditions } from './account-filter.js';

/** Rows that are read along the order of a list before the index of its filter is used. */
const MAX_WALKED = 5_000;

/** A page of a list of accounts in SQL; `a` is the account. */
interface PageParts {
  readonly teamId: string;
  readonly visibleProviders: readonly string[];
  readonly filter: AccountFilter;
  readonly parameters: Parameters;
  /** Those of the place in the order. */
  readonly stretch: readonly string[];
  readonly sort: string;
  readonly limit: string;
}

/**
 * SQL: whether an account is on the page or, where only an index on the order can find the page, in
 * the list from there on.
 */
export function pageCondition(parts: PageParts): string {
  const { teamId, visibleProviders, filter, parameters, stretch, sort, limit } = parts;
  const ofRow = rowConditions(teamId, visibleProviders, filter, parameters);
  if (!hasIndex(filter)) return [ofRow, ...stretch].join(' AND ');
  const ids = soughtIds({
    ...{ from: 'accounts a', alias: 'a', stretch, sort, limit, ofRow },
    whose: `a.team_id = ${parameters.add(teamId)}`,
    ofIndex: [ofRow, ...nameConditions(filter, parameters)].join(' AND '),
    walked: MAX_WALKED,
  });
  return `a.id = ANY(ARRAY(${ids}))`;
}

/** Whether an index finds the accounts of the filter, however few they are. */
export function hasIndex({ q, label }: Pick<AccountFilter, 'q' | 'label'>): boolean {
  return q !== undefined || Object.keys(label ?? {}).length > 0;
}
