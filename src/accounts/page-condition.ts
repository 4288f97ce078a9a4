import type { Parameters } from '../database/sql.js';
import type { AccountFilter } from './account-filter.js';

/** Rows that are read along the order of a list before the index of its filter is used. */
const MAX_WALKED = 5_000;
/** What a trigram can be made of. */
const THREE_LETTERS = /[\p{L}\p{N}]{3}/u;

/** A page of a list of accounts in SQL; `a` is the account. */
interface PageParts {
  readonly teamId: string;
  readonly filter: AccountFilter;
  readonly parameters: Parameters;
  /** Those of the filter. */
  readonly conditions: string;
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
  const { filter, conditions, stretch } = parts;
  return hasIndex(filter) ? `a.id = ANY(ARRAY(${idsOf(parts)}))` : all(conditions, ...stretch);
}

/** Whether an index finds the accounts of the filter, however few they are. */
function hasIndex({ q, label }: AccountFilter): boolean {
  return (q !== undefined && THREE_LETTERS.test(q)) || Object.keys(label ?? {}).length > 0;
}

/**
 * PostgreSQL expects matches to be spread evenly over the order, and so reads along it for a hundredth
 * of the accounts: that takes half a minute at a million where they are the oldest. Here that
 * ends after so many rows; then the index finds all matches, and they are sorted.
 */
function idsOf({ teamId, parameters, conditions, stretch, sort, limit }: PageParts): string {
  const page = `ORDER BY ${sort} LIMIT ${limit}`;
  const list = all(`a.team_id = ${parameters.add(teamId)}`, ...stretch);
  // `OFFSET 0`: the plan of what is in there is for all of it.
  return `WITH walked AS MATERIALIZED (
      SELECT a.id FROM (SELECT * FROM accounts a WHERE ${list} ORDER BY ${sort} LIMIT ${MAX_WALKED}) a
      WHERE ${conditions} ${page}),
    full_page AS MATERIALIZED (SELECT FROM walked HAVING count(*) = ${limit})
    SELECT id FROM walked WHERE EXISTS (SELECT FROM full_page)
    UNION ALL (SELECT a.id FROM (SELECT * FROM accounts a
      WHERE ${all(conditions, ...stretch)} AND NOT EXISTS (SELECT FROM full_page) OFFSET 0) a ${page})`;
}

const all = (...conditions: readonly string[]) => conditions.join(' AND ');
