import stringWidth from 'string-width';
import { type Column, columnValue } from './columns.js';
import { styled, styleOf, type Terminal } from './terminal.js';
import { cellText, visible } from './visible.js';

const GAP = '  ';
/** A column is not narrower than this, unless what it shows is. */
const MIN_WIDTH = 10;
/** Nothing else is shown for a value that is not told. */
const NOT_TOLD = '–';

/** Columns with the width of each in cells. */
export interface Layout {
  readonly columns: readonly Column[];
  readonly widths: readonly number[];
}

/**
 * Fits columns to a terminal: the last ones are left out until the others have room, wide ones are
 * cut, and an id is always whole.
 */
export function layOut(
  items: readonly unknown[],
  columns: readonly Column[],
  available: number,
): Layout {
  const natural = columns.map((column) =>
    Math.max(
      stringWidth(column.header),
      ...items.map((item) => stringWidth(shown(columnValue(item, column)))),
    ),
  );
  const least = columns.map((column, index) => {
    const width = natural[index] ?? 0;
    return column.isId ? width : Math.min(width, MIN_WIDTH);
  });
  const kept = columns.map(() => true);
  const needed = () =>
    least.reduce((sum, width, index) => sum + (kept[index] ? width + GAP.length : 0), -GAP.length);
  for (let index = columns.length - 1; index > 0 && needed() > available; index--)
    kept[index] = false;
  const widths = least.map((width, index) => (kept[index] ? width : 0));
  let spare = available - needed();
  for (const [index, column] of columns.entries()) {
    if (!kept[index] || column.isId) continue;
    const more = Math.min(Math.max(spare, 0), (natural[index] ?? 0) - (widths[index] ?? 0));
    widths[index] = (widths[index] ?? 0) + more;
    spare -= more;
  }
  return {
    columns: columns.filter((_column, index) => kept[index]),
    widths: widths.filter((_width, index) => kept[index]),
  };
}

/** The line with the names of the columns. */
export function headerLine({ columns, widths }: Layout, terminal: Terminal): string {
  const cells = columns.map(({ header }, index) => {
    const width = widths[index] ?? 0;
    return padded(cut(header, width), width);
  });
  return styled(cells.join(GAP).trimEnd(), 'bold', terminal);
}

/** The line of one item, its values cut to the widths of the columns. */
export function rowLine(item: unknown, { columns, widths }: Layout, terminal: Terminal): string {
  const cells = columns.map((column, index) => {
    const text = shown(columnValue(item, column));
    const cell = column.isId ? text : cut(text, widths[index] ?? 0);
    const isLast = index === columns.length - 1;
    return styled(isLast ? cell : padded(cell, widths[index] ?? 0), styleOf(text), terminal);
  });
  return cells.join(GAP);
}

/** A value for a person: times to the second. */
export function shown(value: unknown): string {
  const text = visible(cellText(value));
  if (text === '') return NOT_TOLD;
  return text.replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?Z$/, '$1 $2Z');
}

/** The text in so many cells, whatever each of its characters takes. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let taken = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    taken += stringWidth(segment);
    if (taken > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}
