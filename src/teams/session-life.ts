import { createHash, randomBytes } from 'node:crypto';

const HOUR_MS = 3_600_000;
/** A session that is not used for so long ends. */
export const MAX_IDLE_MS = 12 * HOUR_MS;
/** However much it is used. */
export const MAX_SESSION_MS = 7 * 24 * HOUR_MS;

const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

/** A random secret for a cookie or a link: 43 characters, 256 bits. */
export function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** What is kept of a token; `undefined` for what cannot be one. */
export function hashOfToken(token: string): Uint8Array<ArrayBuffer> | undefined {
  if (!TOKEN.test(token)) return undefined;
  return new Uint8Array(createHash('sha256').update(token).digest());
}

/** When a session ends if it is not used any more. */
export function endOf(lastUsedAt: Date, expiresAt: Date, keyExpiresAt: Date | null): Date {
  const ends = [lastUsedAt.getTime() + MAX_IDLE_MS, expiresAt.getTime()];
  if (keyExpiresAt !== null) ends.push(keyExpiresAt.getTime());
  return new Date(Math.min(...ends));
}
