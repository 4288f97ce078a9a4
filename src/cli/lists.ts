import type { Rollcall } from '../client/index.js';
import type { Context } from './context.js';
import { usageError } from './exit-codes.js';
import type { Options } from './flags.js';
import { withPager } from './output/pager.js';
import { itemWriter, type OutputSettings } from './output/writer.js';

const MAX_PAGE = 200;
const DEFAULT_LIMIT = 50;
/** The header, the line after it, the prompt. */
const LINES_BESIDE_ITEMS = 4;

/** A page as the gateway answers it. */
interface Page {
  readonly data: readonly unknown[];
  readonly pagination: { readonly has_next: boolean; readonly total_count?: number };
  readonly [member: string]: unknown;
}

/** How far a list was written. */
interface Walk {
  count: number;
  /** Whether the gateway has more than was written, as it has until the first page is. */
  hasMore: boolean;
  total?: number | undefined;
}

/**
 * The pages of a list, asked for as they are read.
 * @param limit of items over all pages
 */
export async function* pagesOf(
  client: Rollcall,
  path: string,
  query: Readonly<Record<string, unknown>>,
  limit: number,
): AsyncGenerator<Page, void, undefined> {
  let left = limit;
  const size = Math.min(left, MAX_PAGE);
  let address: string | undefined = path;
  let asked: Readonly<Record<string, unknown>> = { ...query, limit: size };
  while (address !== undefined && left > 0) {
    const response: Response = await client.ask(address, { query: asked });
    const page = (await response.json()) as Page;
    const data = page.data.slice(0, left);
    left -= data.length;
    yield { ...page, data };
    const linked = /<([^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    // The address may be another's behind a proxy: what goes on is the query.
    address = linked === undefined ? undefined : `${path}${new URL(linked).search}`;
    asked = {};
  }
}

/** Writes a list: one screen of it, so many items as were asked for, or all. */
export async function writeList(
  context: Context,
  client: Rollcall,
  list: { readonly path: string; readonly query: Readonly<Record<string, unknown>> },
  options: Options,
  settings: OutputSettings,
): Promise<void> {
  const { terminal } = context;
  const limit = limitOf(context, options);
  const query = {
    ...list.query,
    ...(typeof options.cursor === 'string' && { cursor: options.cursor }),
    ...(options.includeTotal === true && { include_total: true }),
  };
  let last: Walk = { count: 0, hasMore: true };
  await withPager(context, options, async (stream) => {
    // Of each attempt its own: one that the pager broke off may still be at a page.
    const walk: Walk = { count: 0, hasMore: true };
    last = walk;
    const writer = itemWriter(stream, terminal, settings);
    for await (const { data, pagination } of pagesOf(client, list.path, query, limit)) {
      await writer.write(data);
      walk.count += data.length;
      walk.hasMore = pagination.has_next;
      walk.total ??= pagination.total_count;
    }
    await writer.end();
  });
  const { count, hasMore, total } = last;
  if (total !== undefined) context.say(`${total} in all.`);
  if (!terminal.isTerminal || settings.format !== 'table') return;
  if (count === 0 && !hasMore) context.say('Nothing found.');
  else if (count > 0 && hasMore)
    context.say(`The first ${count}. --limit ${2 * count} shows more, --all shows all.`);
}

function limitOf({ terminal }: Context, { limit, all }: Options): number {
  if (all === true) return Number.POSITIVE_INFINITY;
  if (limit === undefined)
    return terminal.isTerminal
      ? Math.min(MAX_PAGE, Math.max(10, terminal.rows - LINES_BESIDE_ITEMS))
      : DEFAULT_LIMIT;
  if (Number.isInteger(limit) && Number(limit) > 0) return Number(limit);
  throw usageError(`--limit ${limit}: expected a whole number above 0.`);
}
