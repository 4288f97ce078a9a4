import type pg from 'pg';

/** A column whose values are sealed, so that they can be found and sealed anew. */
export interface SealedColumn {
  readonly table: string;
  /** The columns of the table's primary key, all of them text. */
  readonly key: readonly string[];
  readonly column: string;
  /** What the value of the row with these key values is bound to. */
  readonly boundTo: (key: readonly string[]) => string;
}

/** A sealed value and the row that it stands in. */
export interface SealedValue {
  readonly key: readonly string[];
  readonly sealed: Buffer;
}

/**
 * Up to `limit` values of a column, in the order of their keys.
 * @param after the key to go on behind; `undefined`: from the first
 */
export async function findSealed(
  client: pg.ClientBase | pg.Pool,
  { table, key, column }: SealedColumn,
  after: readonly string[] | undefined,
  limit: number,
): Promise<SealedValue[]> {
  const columns = key.join(', ');
  const beyond = after ? `AND (${columns}) > (${after.map((_, at) => `$${at + 2}`)})` : '';
  const { rows } = await client.query<SealedValue>(
    `SELECT ARRAY[${columns}] AS key, ${column} AS sealed FROM ${table}
     WHERE ${column} IS NOT NULL ${beyond} ORDER BY ${columns} LIMIT $1`,
    [limit, ...(after ?? [])],
  );
  return rows;
}

/**
 * Puts other values in the place of those that were found, except where somebody wrote meanwhile.
 * @returns how many were replaced
 */
export async function replaceSealed(
  client: pg.ClientBase | pg.Pool,
  { table, key, column }: SealedColumn,
  values: readonly (SealedValue & { readonly resealed: Uint8Array })[],
): Promise<number> {
  const given = [...key.map((_, at) => `k${at}`), 'former', 'resealed'];
  const isSameRow = key.map((name, at) => `t.${name} = v.k${at}`).join(' AND ');
  const types = [...key.map(() => 'text[]'), 'bytea[]', 'bytea[]'];
  const { rowCount } = await client.query(
    `UPDATE ${table} t SET ${column} = v.resealed
     FROM unnest(${types.map((type, at) => `$${at + 1}::${type}`)}) AS v(${given})
     WHERE ${isSameRow} AND t.${column} = v.former`,
    [
      ...key.map((_, at) => values.map((value) => value.key[at])),
      values.map(({ sealed }) => sealed),
      values.map(({ resealed }) => Buffer.from(resealed)),
    ],
  );
  return rowCount ?? 0;
}
