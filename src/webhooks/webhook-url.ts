import type { Database } from '../database/index.js';
import type { Webhook } from '../database/prisma-client/client.js';
import type { Sealer } from '../lib/seal.js';

const BATCH = 500;
/** Binds a sealed URL to its webhook, so that it opens as nothing else. */
const boundTo = (id: string) => `${id} url`;

/**
 * The URL in a webhook's row. Its path and query are often as good as a key, so it is sealed like
 * one.
 */
export function sealUrl(sealer: Sealer, id: string, url: string) {
  return { url: '', sealedUrl: sealer.seal(url, boundTo(id)) };
}

/** The row with its URL in clear. */
export function openUrl(sealer: Sealer, row: Webhook): Webhook {
  return row.url === '' && row.sealedUrl
    ? { ...row, url: sealer.open(row.sealedUrl, boundTo(row.id)) }
    : row;
}

/** The part of a URL that events, audit entries and logs may show. */
export function originOf(url: string): string {
  return new URL(url).origin;
}

/**
 * Seals the URLs that a previous version left in clear text. One that changes in the meantime is
 * left to the next run.
 */
export async function sealUrls({ pool }: Database, sealer: Sealer): Promise<void> {
  const { rows } = await pool.query<{ id: string; url: string }>(
    `SELECT id, url FROM webhooks WHERE url <> '' LIMIT ${BATCH}`,
  );
  if (rows.length === 0) return;
  await pool.query(
    `UPDATE webhooks w SET url = '', sealed_url = s.sealed FROM unnest($1::text[], $2::text[], $3::bytea[]) AS s(id, url, sealed)
     WHERE w.id = s.id AND w.url = s.url`,
    [
      rows.map(({ id }) => id),
      rows.map(({ url }) => url),
      rows.map(({ id, url }) => Buffer.from(sealUrl(sealer, id, url).sealedUrl)),
    ],
  );
}
