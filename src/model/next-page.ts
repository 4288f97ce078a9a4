import type { ProviderHeaders } from './adapter.js';
import type { ListInput } from './operations.js';
import type { ProviderPath, ProviderRequest } from './requests.js';

/*
 * Cursors of lists whose provider has none: a page's number, an offset, or an address that it gives
 * for the next page. A list without pages needs none of them.
 */

type Page = Pick<ListInput, 'cursor' | 'limit'>;

/** The number of the page that a cursor of `nextNumber` stands for. */
export function pageNumber({ cursor }: Pick<Page, 'cursor'>, first = 1): number {
  return cursor === undefined ? first : Number(cursor);
}

/** The cursor of the page after this one, where pages have numbers from `first` on. */
export function nextNumber(page: Pick<Page, 'cursor'>, isMore: boolean, first = 1) {
  return isMore ? String(pageNumber(page, first) + 1) : undefined;
}

/** How many items come before the page that a cursor of `nextOffset` stands for. */
export function offset({ cursor }: Pick<Page, 'cursor'>): number {
  return cursor === undefined ? 0 : Number(cursor);
}

/**
 * The cursor of the page after one with `count` items.
 * @param total how many there are in all; where the provider does not say, a page that is not full
 * is the last
 */
export function nextOffset(page: Page, count: number, total?: number | null): string | undefined {
  const end = offset(page) + count;
  const isMore = total == null ? count >= page.limit : end < total;
  return isMore && count > 0 ? String(end) : undefined;
}

/**
 * The request for the page at an address that the provider gave: the cursor is that address. It is
 * sent only under the connection's own origin and base path.
 */
export function follow(address: string): ProviderRequest {
  return { method: 'GET', path: '' as ProviderPath, address };
}

/** The address of the next page in a `Link` header (RFC 8288). */
export function nextLink({ link }: ProviderHeaders): string | undefined {
  for (const [, address = '', parameters = ''] of String(link ?? '').matchAll(
    /<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g,
  ))
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=\s|;|$))/i.test(parameters))
      return address;
  return undefined;
}
