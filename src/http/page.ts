import { z } from 'zod';
import { withoutBlanks } from '../lib/json-text.js';
import { recordOf } from '../model/index.js';
import { type Answer, RawText } from './answer.js';
import { answerCsv } from './csv.js';
import type { Cursors, Position } from './cursor.js';
import type { AnyCall, Call } from './route.js';

/** Rows on one page. */
export const MAX_PAGE = 200;
/** Filters of any list, its order included. */
const MAX_FILTERS = 50;

/** One row of a page: its JSON and where it stands in the order. */
export interface PageRow<Document extends string | Buffer = string> {
  /** JSON text. */
  readonly document: Document;
  /** There are no blanks between its tokens that would have to be taken out. */
  readonly isCompact?: true;
  readonly position: Position;
}

/** A row of a list: bytes, where they are kept so, are compact. */
export type ListRow = PageRow<string | Buffer>;

/** The part of a list to read: `limit + 1` rows show whether there are more. */
export interface PageRequest {
  readonly after: Position | undefined;
  readonly limit: number;
}

/** The query parameters that every list has. */
interface PagingQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly include_total: boolean;
}

/** A list as its component holds it. */
export interface List {
  /** Reads up to `limit` rows after a position. */
  readonly read: (page: PageRequest) => Promise<readonly ListRow[]>;
  /** All of them, for `include_total`. */
  readonly count: () => Promise<number>;
  /** More members of the answer. */
  readonly top?: () => Promise<Readonly<Record<string, unknown>>>;
}

/** A row whose JSON is made here. */
export const writtenRow = (document: object, position: Position): PageRow => ({
  document: JSON.stringify(document),
  isCompact: true,
  position,
});

/** The rows behind a list that is in the order of their ids. */
export interface Rows<Row extends { readonly id: string }> {
  /** Reads up to `take` rows beyond an id. */
  readonly read: (beyondId: string | undefined, take: number) => Promise<readonly Row[]>;
  readonly count: () => Promise<number>;
}

/** @param show a row as the API answers it */
export function listById<Row extends { readonly id: string }>(
  { read, count }: Rows<Row>,
  show: (row: Row) => object,
): List {
  return {
    read: async ({ after, limit }) => {
      const rows = await read(after?.id, limit);
      return rows.map((row) => writtenRow(show(row), { value: null, id: row.id }));
    },
    count,
  };
}

/**
 * Answers a list: envelope, signed cursor, `Link`; or all of it from the cursor on as CSV.
 * @param filters what is asked, sort included: echoed, and what the cursor is bound to
 */
export async function answerPage<Query extends PagingQuery>(
  call: Call<unknown, Query, unknown>,
  cursors: Cursors,
  filters: Readonly<Record<string, unknown>>,
  list: List,
): Promise<Answer> {
  const { limit, cursor, include_total } = call.query;
  const question = [pathOf(call.url), call.caller.teamId, filters];
  const after = cursor === undefined ? undefined : cursors.decode(cursor, question);
  if (call.csv) {
    const readAfter = (last: ListRow | undefined, most: number) =>
      list.read({ after: last?.position ?? after, limit: most });
    return answerCsv(call, call.csv, readAfter);
  }
  const [rows, total, top] = await Promise.all([
    list.read({ after, limit: limit + 1 }),
    include_total ? list.count() : undefined,
    list.top?.(),
  ]);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last ? cursors.encode(last.position, question) : null;
  const pagination = {
    next_cursor: next,
    has_next: next !== null,
    limit,
    ...(total === undefined ? {} : { total_count: total }),
  };
  const rest = JSON.stringify({ pagination, filters, ...top }).slice(1);
  const text = enveloped(page.map(compact), `],${rest}`);
  return { status: 200, body: new RawText(text), headers: { Link: links(call, next) } };
}

/** Of an address without a query. */
const pathOf = (url: string) => url.slice(url.indexOf('/', url.indexOf('//') + 2));

const compact = ({ document, isCompact }: ListRow) =>
  isCompact || typeof document !== 'string' ? document : withoutBlanks(document);

const START = '{"data":[';
const START_BYTES = Buffer.from(START);
const COMMA = ','.charCodeAt(0);

/** As bytes, once: text would be copied for its ETag, for its coding and for the socket. */
function enveloped(documents: readonly (string | Buffer)[], end: string): Buffer {
  if (!documents.every((document) => typeof document !== 'string'))
    return Buffer.from(`${START}${documents.join(',')}${end}`);
  const separators = Math.max(0, documents.length - 1);
  const inside = documents.reduce((sum, { length }) => sum + length, separators);
  const bytes = Buffer.allocUnsafe(START_BYTES.length + inside + Buffer.byteLength(end));
  bytes.set(START_BYTES);
  let at = START_BYTES.length;
  for (const [index, document] of documents.entries()) {
    if (index > 0) bytes[at++] = COMMA;
    bytes.set(document, at);
    at += document.length;
  }
  bytes.write(end, at);
  return bytes;
}

/**
 * RFC 8288: the first page, and the next while there is one; absolute.
 * @param parameter the one that holds the cursor
 */
export function links(call: AnyCall, next: string | null, parameter = 'cursor'): string {
  let { search } = call;
  if (search.has(parameter)) {
    search = new URLSearchParams(search);
    search.delete(parameter);
  }
  const first = String(search);
  const to = (query: string, relation: string) =>
    `<${call.url}${query === '' ? '' : `?${query}`}>; rel="${relation}"`;
  if (next === null) return to(first, 'first');
  const cursor = String(new URLSearchParams({ [parameter]: next }));
  return [to(first, 'first'), to(first === '' ? cursor : `${first}&${cursor}`, 'next')].join(', ');
}

/** A time in an answer: RFC 3339 in UTC. */
export const timestamp = z.iso.datetime();

/** Schema of a list's answer. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    data: z.array(item).max(MAX_PAGE),
    pagination: z
      .object({
        next_cursor: z.string().nullable(),
        has_next: z.boolean(),
        limit: z.int(),
        total_count: z.int().optional(),
      })
      .meta({ examples: [{ next_cursor: null, has_next: false, limit: 50 }] }),
    filters: recordOf(z.string(), z.unknown(), MAX_FILTERS),
  });
}

/** Schema of a single resource's answer. */
export function dataOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: item });
}
