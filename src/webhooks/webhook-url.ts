import type { Database } from '../database/index.js';
import type { Webhook } from '../database/prisma-client/client.js';
import type { Sealer } from '../lib/seal.js';

const BATCH = 500;
/** So that what is sealed of one kind opens as no other. */
const boundTo = (id: string) => `${id} url`;

/**
 * What a webhook's row holds of its URL. Its path and query are often as good as a key, so it is
 * kept like one.
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

/** As much of a URL as events, audit entries and logs may tell. */
export function originOf(url: string): string {
  return new URL(url).origin;
}

/**
 * Seals the URLs that a previous version left in clear, unless they change meanwhile: those are
 * left to the next time.
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
