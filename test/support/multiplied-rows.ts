import type pg from 'pg';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly isUnique: boolean;
}

/**
 * Copies the rows of a table until it has about `rows`, past triggers and foreign keys: what must be
 * unique gets a number, and times are some milliseconds earlier each.
 * @param client of the owner of the tables
 * @param own columns that get a number, too: each copy has one of its own of what they name
 * @returns how many there are then; none where there were none
 */
export async function multiplyRows(
  client: pg.ClientBase,
  table: string,
  rows: number,
  own: readonly string[] = [],
): Promise<number> {
  const count = async () =>
    Number((await client.query(`SELECT count(*) FROM ${table}`)).rows[0].count);
  const before = await count();
  if (before === 0 || before >= rows) return before;
  const { rows: columns } = await client.query<Column>(
    `SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type,
       EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisunique
         AND attnum = ANY(indkey::int2[])) AS "isUnique"
     FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
  await client.query(
    `INSERT INTO ${table} (${columns.map(({ name }) => name).join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT ${columns.map((column) => copyOf(column, own)).join(', ')} FROM ${table} AS t, generate_series(1, $1::int) AS n
     ON CONFLICT DO NOTHING`,
    [Math.ceil(rows / before)],
  );
  await client.query(`ANALYZE ${table}`);
  return count();
}

function copyOf({ name, type, isUnique }: Column, own: readonly string[]): string {
  const column = `t.${name}`;
  if (type === 'timestamp with time zone') return `${column} - n * interval '1 ms'`;
  if (!isUnique && !own.includes(name)) return column;
  if (type === 'text') return `${column} || '~' || n`;
  if (type === 'bytea') return `${column} || convert_to(n::text, 'UTF8')`;
  if (['bigint', 'integer'].includes(type)) return `${column} + n * 1000`;
  return column;
}
