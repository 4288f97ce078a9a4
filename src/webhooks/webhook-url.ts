import type { Webhook } from '../database/prisma-client/client.js';
import type { SealedColumn } from '../database/sealed-column.js';
import type { Sealer } from '../lib/seal.js';

/** Binds a sealed URL to its webhook, so that it opens as nothing else. */
const boundTo = (id: string) => `${id} url`;

const columnOf = (column: string, bound: SealedColumn['boundTo']): SealedColumn => ({
  table: 'webhooks',
  key: ['id'],
  column,
  boundTo: bound,
});
/** What is sealed in a webhook's row. */
export const SEALED_WEBHOOK_VALUES: readonly SealedColumn[] = [
  columnOf('secret', ([id = '']) => id),
  columnOf('former_secret', ([id = '']) => id),
  columnOf('sealed_url', ([id = '']) => boundTo(id)),
];

/**
 * The URL in a webhook's row. Its path and query are often as good as a key, so it is sealed like
 * one.
 */
export function sealUrl(sealer: Sealer, id: string, url: string) {
  return { url: '', sealedUrl: sealer.seal(url, boundTo(id)) };
}

/** The row with its URL in clear. */
export function openUrl<Row extends Pick<Webhook, 'id' | 'url' | 'sealedUrl'>>(
  sealer: Sealer,
  row: Row,
): Row {
  return row.url === '' && row.sealedUrl
    ? { ...row, url: sealer.open(row.sealedUrl, boundTo(row.id)) }
    : row;
}

/** The part of a URL that events, audit entries and logs may show. */
export function originOf(url: string): string {
  return new URL(url).origin;
}
