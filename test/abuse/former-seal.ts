import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/**
 * Sealing as release 0.1 does it, written down on its own: what that release has left must open
 * here, and what is written here must open there.
 */
function keyOf(secret: string): Buffer {
  const key = hkdfSync('sha256', Buffer.from(secret, 'base64'), '', 'rollcall/seal', 32);
  return Buffer.from(key);
}

/** Nonce of 12 random bytes, tag of 16, text. */
export function formerSeal(secret: string, text: string, boundTo: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), nonce).setAAD(Buffer.from(boundTo));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

/** @throws Error when the secret is another one */
export function formerOpen(secret: string, sealed: Buffer, boundTo: string): string {
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), sealed.subarray(0, 12))
    .setAAD(Buffer.from(boundTo))
    .setAuthTag(sealed.subarray(12, 28));
  return decipher.update(sealed.subarray(28), undefined, 'utf8') + decipher.final('utf8');
}
