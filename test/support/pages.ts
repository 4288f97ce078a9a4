import type { Reply } from './client.js';

/** More than any list of a test has: a cursor that leads in a circle is found out. */
const MAX_PAGES = 1_000;

interface Reader {
  get(address: string): Promise<Pick<Reply, 'status' | 'body'>>;
}

/**
 * The bodies of a list, page by page to its end.
 *
 * @param address with all that is asked for: `/v1/accounts?limit=2`
 * @param parameter takes the cursor: `after` for feeds
 * @throws Error when a page is refused, or the list does not end
 */
export async function* pagesOf(
  client: Reader,
  address: string,
  parameter: 'cursor' | 'after' = 'cursor',
): AsyncGenerator<Reply['body']> {
  const question = new URL(address, 'http://gateway');
  for (let count = 0; count < MAX_PAGES; count++) {
    const { status, body } = await client.get(question.pathname + question.search);
    if (status !== 200)
      throw new Error(`${question.pathname} answered ${status}: ${JSON.stringify(body)}`);
    yield body;
    if (!body.pagination.has_next) return;
    question.searchParams.set(parameter, body.pagination.next_cursor);
  }
  throw new Error(`${address} has more than ${MAX_PAGES} pages`);
}

/** The ids of everything in a list, in its order. */
export async function idsOf(client: Reader, address: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { data } of pagesOf(client, address))
    ids.push(...data.map(({ id }: { id: string }) => id));
  return ids;
}
