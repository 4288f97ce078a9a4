import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { type Column, columnValue, pick } from './columns.js';
import type { Terminal } from './terminal.js';
import { cellText, csvCell, tabbed, visibleJson } from './visible.js';

export const FORMATS = ['table', 'tsv', 'csv', 'json', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

/** How what a command tells is to be written. */
export interface OutputSettings {
  readonly format: Format;
  /** Of JSON; all when left out. */
  readonly fields?: readonly string[] | undefined;
  /** A program that JSON goes through. */
  readonly jq?: string | undefined;
  readonly columns: readonly Column[];
}

/** Takes items as they come, and writes them. */
export interface ItemWriter {
  write(items: readonly unknown[]): Promise<void>;
  end(): Promise<void>;
}

/** Writes, and waits where the reader is slower. */
export async function send(stream: Writable, text: string): Promise<void> {
  if (text !== '' && !stream.write(text)) await once(stream, 'drain');
}

/** A writer of lists. */
export function itemWriter(
  stream: Writable,
  terminal: Terminal,
  settings: OutputSettings,
): ItemWriter {
  const { format, fields, jq, columns } = settings;
  const chosen = (item: unknown) => (fields === undefined ? item : pick(item, fields));
  if (jq !== undefined) {
    const all: unknown[] = [];
    return {
      write: async (items) => void all.push(...items.map(chosen)),
      end: () => writeJson(stream, all, jq),
    };
  }
  const lines = (line: (item: unknown) => string, header?: string): ItemWriter => {
    let isFirst = true;
    const begin = () => {
      const text = isFirst && header !== undefined ? `${header}\n` : '';
      isFirst = false;
      return text;
    };
    return {
      write: (items) => send(stream, begin() + items.map((item) => `${line(item)}\n`).join('')),
      end: () => send(stream, begin()),
    };
  };
  const cells = (item: unknown) => columns.map((column) => columnValue(item, column));
  switch (format) {
    case 'json':
      return jsonArray(stream, chosen);
    case 'ndjson':
      return lines((item) => visibleJson(chosen(item)));
    case 'csv':
      return lines(
        (item) => cells(item).map(csvCell).join(','),
        columns.map(({ path }) => csvCell(path.join('.'))).join(','),
      );
    case 'tsv':
      return lines((item) =>
        cells(item)
          .map((value) => tabbed(cellText(value)))
          .join('\t'),
      );
    case 'table':
      return table(stream, terminal, columns);
  }
}

/** One array, element by element. */
function jsonArray(stream: Writable, chosen: (item: unknown) => unknown): ItemWriter {
  let count = 0;
  return {
    write: (items) =>
      send(
        stream,
        items
          .map((item) => {
            const text = visibleJson(chosen(item), 2).replaceAll('\n', '\n  ');
            return `${count++ === 0 ? '[\n  ' : ',\n  '}${text}`;
          })
          .join(''),
      ),
    end: () => send(stream, count === 0 ? '[]\n' : '\n]\n'),
  };
}

/** Laid out by its first page. */
function table(stream: Writable, terminal: Terminal, columns: readonly Column[]): ItemWriter {
  let rows: ((item: unknown) => string) | undefined;
  return {
    write: async (items) => {
      if (items.length === 0) return;
      const { headerLine, layOut, rowLine } = await import('./table.js');
      let text = '';
      if (rows === undefined) {
        const layout = layOut(items, columns, terminal.columns);
        rows = (item) => rowLine(item, layout, terminal);
        text = `${headerLine(layout, terminal)}\n`;
      }
      const line = rows;
      await send(stream, text + items.map((item) => `${line(item)}\n`).join(''));
    },
    end: async () => undefined,
  };
}

/** One value as JSON, or what a jq program makes of it. */
export async function writeJson(
  stream: Writable,
  value: unknown,
  jq: string | undefined,
): Promise<void> {
  if (jq === undefined) return send(stream, `${visibleJson(value, 2)}\n`);
  const { filterWithJq } = await import('./jq.js');
  const { printable } = await import('./visible.js');
  const told = await filterWithJq(JSON.stringify(value), jq);
  return send(stream, told === '' ? '' : `${printable(told).replace(/\n?$/, '\n')}`);
}

/** One thing with all that is told of it: a name and a value on each line. */
export async function writeDetails(
  stream: Writable,
  terminal: Terminal,
  value: unknown,
): Promise<void> {
  const rows = flatten(value);
  if (!terminal.isTerminal)
    return send(
      stream,
      rows.map(([name, text]) => `${tabbed(name)}\t${tabbed(cellText(text))}\n`).join(''),
    );
  const { shown } = await import('./table.js');
  const { visible } = await import('./visible.js');
  const { styled, styleOf } = await import('./terminal.js');
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const line = ([name, each]: readonly [string, unknown]) => {
    const text = shown(each);
    return `${styled(visible(name).padEnd(width), 'faint', terminal)}  ${styled(text, styleOf(text), terminal)}\n`;
  };
  return send(stream, rows.map(line).join(''));
}

/** Objects within by dots; lists of objects as JSON. */
function flatten(value: unknown, prefix = ''): (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[prefix.slice(0, -1), value]];
  return Object.entries(value).flatMap(([name, each]) =>
    typeof each === 'object' && each !== null && !Array.isArray(each) && !isEmpty(each)
      ? flatten(each, `${prefix}${name}.`)
      : [[`${prefix}${name}`, isEmpty(each) ? null : each] as const],
  );
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
