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
}

/** An order of rows: by a column, and by their ids where it is equal. */
export interface KeysetOrder extends OrderColumn {
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
  const { column, type, nullable, idColumn, direction } = order;
  return {
    limit,
    conditions: (parameters) => [
      ...(nullable ? [`${column} IS NOT NULL`] : []),
      ...(after === undefined
        ? []
        : [
            `(${column}, ${idColumn}) ${beyond(direction)} (${parameters.add(after.value)}::${type}, ${parameters.add(after.id)})`,
          ]),
    ],
    sort: `${column} ${direction}, ${idColumn} ${direction}`,
  };
}

function nullStretch(order: KeysetOrder, { after, limit }: PageRequest): Stretch {
  const { column, idColumn, direction } = order;
  return {
    limit,
    conditions: (parameters) => [
      `${column} IS NULL`,
      ...(after === undefined
        ? []
        : [`${idColumn} ${beyond(direction)} ${parameters.add(after.id)}`]),
    ],
    sort: `${idColumn} ${direction}`,
  };
}

const beyond = (direction: OrderDirection) => (direction === 'asc' ? '>' : '<');
