import { z } from 'zod';
import { type Answer, TextStream } from './answer.js';
import type { AnyCall, Endpoint } from './route.js';

export const CSV_TYPE = 'text/csv';

/** Rows read at once: what is held of a list, however long it is. */
const ROWS_AT_ONCE = 500;
/** A reader that is slower is cut off. */
const MAX_DURATION_MS = 15 * 60_000;
/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r\n]/;

const known = new WeakMap<Endpoint, readonly string[] | undefined>();

/**
 * The columns of a list as CSV: the fields of its items as the document has them, those of objects
 * one by one (`health.status`), without those that are there on request alone. `undefined`: its
 * answer is no list of ours.
 */
export function csvColumnsOf(endpoint: Endpoint): readonly string[] | undefined {
  if (!known.has(endpoint))
    known.set(
      endpoint,
      endpoint.isPagedByProvider ? undefined : columnsOfAnswer(endpoint.answers[200]),
    );
  return known.get(endpoint);
}

function columnsOfAnswer(answer: z.ZodType | null | undefined): readonly string[] | undefined {
  if (!(answer instanceof z.ZodObject) || !('pagination' in answer.shape)) return undefined;
  const { data } = answer.shape;
  if (!(data instanceof z.ZodArray)) return undefined;
  return columnsOf(data.element as z.ZodType, '');
}

function columnsOf(schema: z.ZodType, name: string): readonly string[] {
  if (schema instanceof z.ZodOptional) return [];
  if (schema instanceof z.ZodNullable) return columnsOf(schema.unwrap() as z.ZodType, name);
  if (!(schema instanceof z.ZodObject)) return [name];
  return Object.entries<z.ZodType>(schema.shape).flatMap(([member, inner]) =>
    columnsOf(inner, name === '' ? member : `${name}.${member}`),
  );
}

/**
 * Answers a whole list as CSV (RFC 4180), read and sent part by part. It is cut off when the caller
 * leaves and when its key or session ends: the caller sees that the answer is not whole.
 * @param columns the paths of the fields
 * @param readAfter the rows behind one, or the first ones, up to `limit`
 */
export async function answerCsv<Row extends { readonly document: string | Buffer }>(
  call: AnyCall,
  columns: readonly string[],
  readAfter: (last: Row | undefined, limit: number) => Promise<readonly Row[]>,
): Promise<Answer> {
  // What is wrong with the question is answered before the first byte is sent.
  const first = await readAfter(undefined, ROWS_AT_ONCE);
  const ended = AbortSignal.any([
    call.signal,
    call.keyEnded(),
    AbortSignal.timeout(MAX_DURATION_MS),
  ]);
  const paths = columns.map((column) => column.split('.'));
  async function* parts() {
    yield lineOf(columns);
    let rows = first;
    while (rows.length > 0) {
      yield rows
        .map(({ document }) => lineOf(cellsOf(JSON.parse(String(document)), paths)))
        .join('');
      if (rows.length < ROWS_AT_ONCE) return;
      ended.throwIfAborted();
      rows = await readAfter(rows.at(-1), ROWS_AT_ONCE);
    }
  }
  const file = `${new URL(call.url).pathname.slice('/v1/'.length).replace(/[^\w.-]+/g, '-')}.csv`;
  return {
    status: 200,
    body: new TextStream(parts(), `${CSV_TYPE}; charset=utf-8; header=present`, ended),
    headers: { 'Content-Disposition': `attachment; filename="${file}"` },
  };
}

function cellsOf(item: unknown, paths: readonly (readonly string[])[]): unknown[] {
  return paths.map((path) =>
    path.reduce((at, member) => (at as Record<string, unknown> | null)?.[member], item),
  );
}

/** One line of cells, with its end. */
export function lineOf(cells: readonly unknown[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

/** Numbers are no formulas, even below zero. Texts are quoted, whatever a program takes for a comma. */
function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
