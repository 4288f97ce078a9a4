import type { Stretch } from './keyset.js';

/** A page of a list in SQL, where an index finds what its filter asks for. */
interface SoughtPage {
  /** What the list is of, with its alias: `accounts a`. */
  readonly from: string;
  readonly alias: string;
  /** Whose list it is. */
  readonly whose: string;
  /** The filter as conditions that are quick for one row. */
  readonly ofRow: string;
  /** The filter as conditions by which the index finds all rows. */
  readonly ofIndex: string;
  /** The conditions of the place in the order. */
  readonly stretch: readonly string[];
  readonly sort: Stretch['sort'];
  /** Placeholder. */
  readonly limit: string;
  /** Rows that are read along the order before the index is used. */
  readonly walked: number;
}

/**
 * SQL: the ids of a page. PostgreSQL expects matches to be spread evenly over the order, and so reads
 * along it for a hundredth of the rows: that takes half a minute at a million where they are the
 * oldest. Here that ends after so many rows; then the index finds all matches, and they are sorted.
 */
export function soughtIds(page: SoughtPage): string {
  const { from, alias, whose, ofRow, ofIndex, stretch, sort, limit, walked } = page;
  const ordered = `ORDER BY ${sort} LIMIT ${limit}`;
  // `OFFSET 0`: the plan of what is in there is for all of it. Whether it is needed is asked outside:
  // inside, processes that read in parallel were started first.
  return `WITH walked AS MATERIALIZED (
      SELECT ${alias}.id FROM (SELECT * FROM ${from} WHERE ${all(whose, ...stretch)} ORDER BY ${sort} LIMIT ${walked}) ${alias}
      WHERE ${ofRow} ${ordered}),
    full_page AS MATERIALIZED (SELECT FROM walked HAVING count(*) = ${limit})
    SELECT id FROM walked WHERE EXISTS (SELECT FROM full_page)
    UNION ALL (SELECT ${alias}.id FROM (SELECT * FROM ${from}
      WHERE ${all(whose, ofIndex, ...stretch)} OFFSET 0) ${alias} WHERE NOT EXISTS (SELECT FROM full_page) ${ordered})`;
}

const all = (...conditions: readonly string[]) => conditions.join(' AND ');
