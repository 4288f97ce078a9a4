import { type Answer, RawText } from './answer.js';
import { answerCsv } from './csv.js';
import { links, type PageRow } from './page.js';
import type { Call } from './route.js';

/** For the document, of every feed. */
export const NO_TOTAL = 'Feeds have no total: `include_total` is rejected.';

/** For the document, of every feed. */
export const REWOUND =
  'If the database was recovered to an earlier state, a cursor from after that state is answered 422 `history_rewound`: ' +
  'read the accounts again and continue without the cursor; events that you already have keep their ids.';

/** A feed as its component holds it. */
interface Feed {
  /** The query parameter that says where to go on, with its value. */
  readonly after: { readonly parameter: string; readonly value: string | undefined };
  /** It is read from its end back: behind the first row of all there is nothing to come. */
  readonly hasEnd?: boolean;
  /** Reads up to `limit` rows behind what `after` says. */
  readonly read: (after: string | undefined, limit: number) => Promise<readonly PageRow[]>;
  /** What to pass next time to go on behind a row. */
  readonly cursorOf: (row: PageRow) => string;
}

/**
 * Answers a page of a feed: a list that only grows at its end and that callers poll. Unlike a
 * list's, its `next_cursor` is there on the last page too, unless it is read from its end back: it is
 * where to ask from next time. Or all that there is from there on as CSV.
 */
export async function answerFeed(
  call: Call<unknown, { readonly limit: number }, unknown>,
  filters: Readonly<Record<string, unknown>>,
  { after, hasEnd = false, read, cursorOf }: Feed,
): Promise<Answer> {
  if (call.csv)
    return answerCsv(call, call.csv, (last: PageRow | undefined, most) =>
      read(last ? cursorOf(last) : after.value, most),
    );
  const { limit } = call.query;
  const rows = await read(after.value, limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasNext = rows.length > limit;
  const known = last ? cursorOf(last) : (after.value ?? null);
  const next = hasEnd && !hasNext ? null : known;
  const rest = JSON.stringify({
    pagination: { next_cursor: next, has_next: hasNext, limit },
    filters,
  }).slice(1);
  const body = new RawText(`{"data":[${page.map((row) => row.document).join(',')}],${rest}`);
  return {
    status: 200,
    body,
    headers: { Link: links(call, hasNext ? next : null, after.parameter) },
  };
}
