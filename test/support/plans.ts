/** A node of what `EXPLAIN (FORMAT JSON)` tells. */
export interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Plan Rows': number;
  /** In the planner's units: a page that is read in sequence is one. */
  readonly 'Total Cost': number;
  readonly Plans?: readonly Plan[];
}

/** A node and all below it. */
function nodesOf(plan: Plan): readonly Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** The tables that a plan reads; of one that is parted its parts. */
export function tablesOf(plan: Plan): readonly string[] {
  return nodesOf(plan).flatMap((node) => node['Relation Name'] ?? []);
}

/**
 * What takes longer the more rows there are.
 * @param isLarge of a table
 * @param most rows that may be sorted
 */
export function faultsOf(
  plan: Plan,
  isLarge: (table: string) => boolean,
  most: number,
): readonly string[] {
  return nodesOf(plan).flatMap((node) => {
    const type = node['Node Type'];
    const table = node['Relation Name'];
    if (type === 'Seq Scan' && table !== undefined && isLarge(table))
      return [`a sequential scan of ${table}`];
    const sorted = node.Plans?.[0]?.['Plan Rows'] ?? 0;
    if (type === 'Sort' && sorted > most) return [`a sort of ${sorted} rows`];
    return [];
  });
}
