import { Link, type LinkProps } from '@tanstack/react-router';
import { columnVisibilityFeature, tableFeatures, useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useKeys } from '../lib/keys';
import { useIsPrinted } from '../lib/print';
import { Icon } from './Icon';

export interface Column<Item> {
  readonly id: string;
  readonly header: string;
  readonly cell: (item: Item) => ReactNode;
  /** As in `grid-template-columns`. */
  readonly width: string;
  /** The API's `order_by`. */
  readonly sort?: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** How wide the table must be for it, in pixels. */
  readonly from?: number;
  /** Shown only when it is chosen. */
  readonly isExtra?: boolean;
  /** Of a narrow table, where a row is a card: stands beside the first column, two at most. */
  readonly isBeside?: boolean;
}

export interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly change: (ids: ReadonlySet<string>) => void;
}

export interface TableProps<Item> {
  readonly label: string;
  readonly items: readonly Item[];
  readonly columns: readonly Column<Item>[];
  readonly rowId: (item: Item) => string;
  /** Where a row leads; the first column is its text. */
  readonly link?: ((item: Item) => LinkProps) | undefined;
  readonly selection?: Selection | undefined;
  readonly sort?:
    | {
        readonly by: string | undefined;
        readonly direction: string | undefined;
        readonly change: (by: string, direction: 'asc' | 'desc') => void;
      }
    | undefined;
  /** Asks for the next page; left out, there is none. */
  readonly loadMore?: (() => void) | undefined;
  /** The columns that a person chose. */
  readonly chosen?: readonly string[] | undefined;
  readonly isDense?: boolean;
  /** Takes the height of its rows, up to a limit, instead of the page's. */
  readonly isInline?: boolean;
}

const features = tableFeatures({ columnVisibilityFeature });
/** Pixels. Below this width a row is a card of two lines. */
const CARDS_BELOW = 620;
const HEIGHTS = { card: 64, dense: 34, usual: 46 };
const MAX_BESIDE = 2;
/** Rows on paper at most: of more, the export as CSV is to be read. */
const MAX_PRINTED = 2_000;
/** Pixels beside and between the columns. */
const PADDING = 72;
/** Rows before the end at which the next page is asked for. */
const AHEAD = 30;

/** Focuses what a row is opened by; of one that leads nowhere the first thing that can be. */
export function focusRow(row: Element | null | undefined): void {
  const link = row?.querySelector<HTMLElement>('a.row-link');
  (link ?? row?.querySelector<HTMLElement>('a, button, input'))?.focus({ preventScroll: true });
}

/** Frames that a list which was hidden has to draw its rows in. */
const MAX_FRAMES = 10;

/**
 * Focuses the row that leads to a path, unless something else is focused by then; where it is not
 * drawn, the page's content.
 */
export function focusRowOf(path: string, frames = MAX_FRAMES): void {
  if (document.activeElement !== document.body) return;
  const links = document.querySelectorAll<HTMLAnchorElement>('a.row-link');
  const link = [...links].find(({ pathname }) => pathname === path);
  if (link === undefined && frames > 0) requestAnimationFrame(() => focusRowOf(path, frames - 1));
  else (link ?? document.getElementById('content'))?.focus({ preventScroll: true });
}

/** A table that draws only the rows in view: any number of them may be loaded. */
export function Table<Item>(props: TableProps<Item>) {
  const { label, items, columns, rowId, link, selection, sort, loadMore, chosen } = props;
  const scroll = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(1200);
  const [active, setActive] = useState(0);
  const [focusAsked, askFocus] = useState(0);
  useEffect(() => {
    const element = scroll.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const isCards = width < CARDS_BELOW;
  const height = isCards ? HEIGHTS.card : props.isDense ? HEIGHTS.dense : HEIGHTS.usual;

  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    overscan: 8,
  });
  useEffect(() => {
    if (height > 0) virtual.measure();
  }, [height, virtual]);
  const seen = virtual.getVirtualItems();
  const isPrinted = useIsPrinted();
  const [first, last] = isPrinted
    ? [0, Math.min(items.length, MAX_PRINTED) - 1]
    : [seen[0]?.index ?? 0, seen.at(-1)?.index ?? -1];
  useEffect(() => {
    if (!isPrinted && last >= items.length - AHEAD) loadMore?.();
  }, [last, items.length, loadMore, isPrinted]);

  const shown = useMemo(() => {
    if (isCards) {
      const [name, ...others] = columns;
      const beside = others.filter((column) => column.isBeside).slice(0, MAX_BESIDE);
      return name === undefined ? [] : [name, ...(beside[0] ? beside : others.slice(0, 1))];
    }
    return columns.filter((column) =>
      chosen ? chosen.includes(column.id) : !column.isExtra && width >= (column.from ?? 0),
    );
  }, [columns, chosen, width, isCards]);
  const definitions = useMemo(
    () =>
      columns.map(({ id, header, cell }) => ({
        id,
        header,
        cell: ({ row }: { row: { original: Item } }) => cell(row.original),
      })),
    [columns],
  );
  // Only the rows in view: what it makes of each row need not be made of all that are loaded.
  const data = useMemo(() => items.slice(first, last + 1), [items, first, last]);
  const columnVisibility = useMemo(
    () => Object.fromEntries(columns.map(({ id }) => [id, shown.some((one) => one.id === id)])),
    [columns, shown],
  );
  const table = useTable({
    features,
    columns: definitions as never,
    data: data as never[],
    getRowId: rowId as never,
    state: { columnVisibility },
  });

  const move = (by: number) => {
    const isInside = scroll.current?.contains(document.activeElement) === true;
    const next = Math.max(0, Math.min(items.length - 1, active + (isInside ? by : 0)));
    setActive(next);
    virtual.scrollToIndex(next);
    askFocus((count) => count + 1);
  };
  useEffect(() => {
    if (focusAsked === 0) return;
    const row = scroll.current?.querySelector(`[aria-rowindex="${active + 2}"]`);
    focusRow(row);
  }, [focusAsked, active]);
  const toggle = (id: string) => {
    const ids = new Set(selection?.ids);
    if (!ids.delete(id)) ids.add(id);
    selection?.change(ids);
  };
  const current = items[active];
  useKeys(
    props.isInline
      ? {}
      : {
          j: () => move(1),
          k: () => move(-1),
          ...(selection && current && { x: () => toggle(rowId(current)) }),
        },
  );

  const template = [...(selection ? ['36px'] : []), ...shown.map((column) => column.width)].join(
    ' ',
  );
  // What the columns need; below it the table scrolls sideways.
  const minWidth = isCards
    ? 0
    : shown.reduce((sum, column) => sum + Number(/\d+/.exec(column.width)?.[0] ?? 0), PADDING);
  const all = selection !== undefined && items.length > 0 && selection.ids.size >= items.length;
  const rows = table.getRowModel().rows;
  const before = isPrinted ? 0 : (seen[0]?.start ?? 0);
  const after = isPrinted ? 0 : virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  const inlineHeight = props.isInline ? { maxHeight: '60vh', height: 'auto' } : undefined;
  return (
    <section
      ref={scroll}
      className="table-scroll"
      style={inlineHeight}
      aria-label={label}
      // Without links in it, the keyboard scrolls it by itself.
      {...(link === undefined && { tabIndex: 0 })}
    >
      <table
        className={isCards ? 'table cards' : 'table'}
        style={{ '--columns': template, '--row': `${height}px`, minWidth } as CSSProperties}
        aria-label={label}
        aria-rowcount={loadMore ? -1 : items.length + 1}
      >
        <thead>
          <tr aria-rowindex={1}>
            {selection && (
              <th scope="col" className="cell check">
                <input
                  type="checkbox"
                  aria-label={`Select all ${items.length} loaded rows`}
                  checked={all}
                  onChange={() => selection.change(all ? new Set() : new Set(items.map(rowId)))}
                />
              </th>
            )}
            {shown.map((column) => (
              <Header key={column.id} column={column} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody style={{ paddingTop: before, paddingBottom: after }}>
          {rows.map((row, offset) => {
            const index = first + offset;
            const item = row.original as Item;
            const id = rowId(item);
            const tabIndex = index === active ? 0 : -1;
            const isSelected = selection?.ids.has(id);
            return (
              <tr
                key={id}
                aria-rowindex={index + 2}
                aria-selected={isSelected}
                data-active={index === active || undefined}
                onFocus={() => setActive(index)}
              >
                {selection && (
                  <td className="cell check">
                    <input
                      type="checkbox"
                      aria-label={`Select row ${index + 1}`}
                      tabIndex={tabIndex}
                      checked={isSelected ?? false}
                      onChange={() => toggle(id)}
                    />
                  </td>
                )}
                {row.getVisibleCells().map((cell, place) => {
                  const column = shown[place];
                  const content = <table.FlexRender cell={cell} />;
                  const side = isCards && place > 0 ? ' beside' : '';
                  const end = column?.isNumber && !isCards ? ' is-number' : '';
                  return (
                    <td key={cell.id} className={`cell${end}${side}`}>
                      {place === 0 && link ? (
                        <Link {...link(item)} className="row-link" tabIndex={tabIndex}>
                          {content}
                        </Link>
                      ) : (
                        content
                      )}
                    </td>
                  );
                })}
              </tr>
            );
          })}
          {loadMore && items.length > 0 && (
            <tr className="table-more">
              <td className="cell quiet">
                {isPrinted ? `The first ${last + 1} rows; more match.` : 'Loading more …'}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}

function Header<Item>({
  column,
  sort,
}: {
  readonly column: Column<Item>;
  readonly sort: TableProps<Item>['sort'];
}) {
  const className = column.isNumber ? 'cell is-number' : 'cell';
  if (sort === undefined || column.sort === undefined)
    return (
      <th scope="col" className={className}>
        {column.header}
      </th>
    );
  const { sort: by } = column;
  const direction = sort.by === by ? (sort.direction ?? 'desc') : undefined;
  const next = direction === 'desc' ? 'asc' : 'desc';
  const said = direction === undefined ? 'none' : direction === 'asc' ? 'ascending' : 'descending';
  return (
    <th scope="col" className={className} aria-sort={said}>
      <button type="button" className="sort" onClick={() => sort.change(by, next)}>
        {column.header}
        <span className={direction ? 'sort-mark' : 'sort-mark is-off'} data-direction={direction}>
          <Icon name="down" size={12} />
        </span>
      </button>
    </th>
  );
}
