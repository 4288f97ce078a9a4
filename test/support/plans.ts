import type pg from 'pg';

/** A statement that a session of a pool asks. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Of a prepared one. */
  readonly name: string | undefined;
}

/** Has `note` told every statement that sessions of `pool` ask from now on, before it is asked. */
export function watchStatements(pool: pg.Pool, note: (statement: Statement) => void): void {
  const watched = new WeakSet<pg.ClientBase>();
  pool.on('acquire', (session) => {
    if (watched.has(session)) return;
    watched.add(session);
    const query = session.query.bind(session) as (...given: unknown[]) => unknown;
    session.query = ((asked: string | pg.QueryConfig, ...rest: unknown[]) => {
      const { text, values, name } = typeof asked === 'string' ? { text: asked } : asked;
      note({ text, values: values ?? (Array.isArray(rest[0]) ? rest[0] : []), name });
      return query(asked, ...rest);
    }) as typeof session.query;
  });
}

/** A node of what `EXPLAIN (FORMAT JSON)` tells. */
export interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Plan Rows': number;
  /** In the planner's units: a page that is read in sequence is one. */
  readonly 'Total Cost': number;
  /** With `ANALYZE`, like the loops; the rows are those of one. */
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly Plans?: readonly Plan[];
}

/** A node and all below it. */
export function nodesOf(plan: Plan): readonly Plan[] {
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
