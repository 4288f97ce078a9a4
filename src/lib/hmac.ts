import { createHmac } from 'node:crypto';

export type HmacAlgorithm = 'sha1' | 'sha256' | 'sha512';

/** The keyed hash of a text (RFC 2104); in hexadecimal where no encoding is given. */
export function hmac(
  algorithm: HmacAlgorithm,
  secret: string,
  text: string,
  encoding: 'hex' | 'base64' | 'base64url' = 'hex',
): string {
  return createHmac(algorithm, secret).update(text).digest(encoding);
}
