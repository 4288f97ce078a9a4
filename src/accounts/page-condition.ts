import type { Parameters } from '../database/sql.js';
import { soughtIds } from '../http/short-walk.js';
import {
  type AccountFilter,
  IS_LABELLED,
  nameConditions,
  type OrderKey,
  rowConditions,
} from './account-filter.js';

/** Rows that are read along the order of a list before the index of its filter is used. */
const MAX_WALKED = 5_000;

/** A page of a list of accounts in SQL; `a` is the account. */
interface PageParts {
  readonly teamId: string;
  readonly visibleProviders: readonly string[];
  readonly filter: AccountFilter;
  readonly order: OrderKey;
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
  const { teamId, visibleProviders, filter, order, parameters, stretch, sort, limit } = parts;
  const ofRow = rowConditions(teamId, visibleProviders, filter, parameters);
  if (!hasIndex(filter)) return [ofRow, ...stretch].join(' AND ');
  const ofTeam = `a.team_id = ${parameters.add(teamId)}`;
  // Those with a label have an index of their own in this order, and are few.
  const isOfLabelled = order === 'created_at' && hasLabel(filter);
  const ids = soughtIds({
    ...{ from: 'accounts a', alias: 'a', stretch, sort, limit, ofRow },
    whose: isOfLabelled ? `${ofTeam} AND ${IS_LABELLED}` : ofTeam,
    ofIndex: [ofRow, ...nameConditions(filter, parameters)].join(' AND '),
    walked: MAX_WALKED,
  });
  return `a.id = ANY(ARRAY(${ids}))`;
}

/** Whether an index finds the accounts of the filter, however few they are. */
export function hasIndex(filter: Pick<AccountFilter, 'q' | 'label'>): boolean {
  return filter.q !== undefined || hasLabel(filter);
}

function hasLabel({ label }: Pick<AccountFilter, 'label'>): boolean {
  return Object.keys(label ?? {}).length > 0;
}
