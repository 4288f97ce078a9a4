import { z } from 'zod';
import type { Parameters } from '../database/sql.js';
import type { PageRequest, PageRow } from './page.js';

export const ORDER_DIRECTIONS = ['asc', 'desc'] as const;
export type OrderDirection = (typeof ORDER_DIRECTIONS)[number];

/** The query parameters of a list that is ordered by one of these keys. */
export const orderFields = <Key extends string>(keys: readonly [Key, ...Key[]], first: Key) => ({
  order_by: z
    .enum(keys, { error: `must be one of: ${keys.join(', ')}` })
    .default(first)
    .meta({ description: 'Field to sort by; null values come last.' }),
  order_direction: z
    .enum(ORDER_DIRECTIONS, { error: 'must be asc or desc' })
    .default('desc')
    .meta({ description: 'Direction of the sort.' }),
});

/** How the key of an order is held: its column, its type, and whether it can be null. */
export interface OrderColumn {
  readonly column: string;
  readonly type: string;
  readonly nullable: boolean;
  /** What the index is on where it is not on the column itself. */
  readonly bucket?: Bucket;
}

/**
 * A value that never falls as that of the column rises, and is null where that is: the index finds
 * the bucket, and the rows within it are sorted.
 */
interface Bucket {
  readonly column: string;
  /** SQL: of a value of the column. */
  readonly of: (value: string) => string;
}

/** An order of rows: by a column, and by their ids where it is equal. */
interface KeysetOrder extends OrderColumn {
  readonly idColumn: string;
  readonly direction: OrderDirection;
}

/** Rows that one walk of the index gives: those that have the key, or those that lack it. */
export interface Stretch {
  readonly limit: number;
  /** What it adds to the conditions; hands its values to the parameters. */
  readonly conditions: (parameters: Parameters) => readonly string[];
  /** For `ORDER BY`. */
  readonly sort: string;
}

/**
 * A page by keyset, nulls last in both directions: first the rows that have the key, then, where
 * they do not fill the page, those that lack it.
 * @param read answers rows in the order of the stretch
 */
export async function readByKeyset<Row extends Pick<PageRow, 'position'>>(
  order: KeysetOrder,
  page: PageRequest,
  read: (stretch: Stretch) => Promise<Row[]>,
): Promise<Row[]> {
  const isAmongNulls = page.after !== undefined && page.after.value === null;
  const present = isAmongNulls ? [] : await read(presentStretch(order, page));
  if (!order.nullable || present.length === page.limit) return present;
  const after = isAmongNulls ? page.after : undefined;
  return [
    ...present,
    ...(await read(nullStretch(order, { after, limit: page.limit - present.length }))),
  ];
}

function presentStretch(order: KeysetOrder, { after, limit }: PageRequest): Stretch {
  const { column, type, nullable, idColumn, direction, bucket } = order;
  const columns = [...(bucket ? [bucket.column] : []), column, idColumn];
  return {
    limit,
    conditions: (parameters) => {
      const conditions = nullable ? [`${columns[0]} IS NOT NULL`] : [];
      if (after === undefined) return conditions;
      const value = `${parameters.add(after.value)}::${type}`;
      const values = [...(bucket ? [bucket.of(value)] : []), value, parameters.add(after.id)];
      return [...conditions, `(${columns.join(', ')}) ${beyond(direction)} (${values.join(', ')})`];
    },
    sort: columns.map((one) => `${one} ${direction}`).join(', '),
  };
}

function nullStretch(order: KeysetOrder, { after, limit }: PageRequest): Stretch {
  const { column, idColumn, direction, bucket } = order;
  return {
    limit,
    conditions: (parameters) => [
      `${bucket?.column ?? column} IS NULL`,
      ...(after === undefined
        ? []
        : [`${idColumn} ${beyond(direction)} ${parameters.add(after.id)}`]),
    ],
    sort: `${idColumn} ${direction}`,
  };
}

/** Followers, which no index is on: they change too often. @param table its alias */
export const followersOrder = (table: string): OrderColumn => ({
  column: `${table}.followers`,
  type: 'bigint',
  nullable: true,
  bucket: {
    column: `${table}.followers_bucket`,
    of: (value) => `followers_bucket(${value})`,
  },
});

const beyond = (direction: OrderDirection) => (direction === 'asc' ? '>' : '<');
