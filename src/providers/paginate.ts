/** A provider that counts further than this repeats itself in a way that its cursors hide. */
const MAX_PAGES = 20_000;

/**
 * Walks a list to its end, one page ahead of its reader: the next page is on its way while the last
 * one is worked on.
 * @param fetchPage must reject when `signal` aborts, which it does when the reader stops early
 * @param first where to begin; `undefined`: at the list's beginning
 * @throws what `repeats` makes when a cursor comes back or there is no end
 */
export async function* pages<Page extends { readonly next: string | undefined }>(
  fetchPage: (cursor: string | undefined, signal: AbortSignal) => Promise<Page>,
  repeats: () => Error,
  first?: string,
): AsyncGenerator<Page, void, void> {
  const stopped = new AbortController();
  const seen = new Set<string>();
  const fetchNext = (cursor: string | undefined) => {
    const page = fetchPage(cursor, stopped.signal);
    // Awaited one turn later; until then its failure is nobody's.
    page.catch(() => {});
    return page;
  };
  try {
    let coming = fetchNext(first);
    for (;;) {
      const page = await coming;
      if (page.next === undefined) {
        yield page;
        return;
      }
      const isRepeated = seen.has(page.next) || seen.size >= MAX_PAGES;
      seen.add(page.next);
      if (!isRepeated) coming = fetchNext(page.next);
      yield page;
      if (isRepeated) throw repeats();
    }
  } finally {
    stopped.abort();
  }
}
