import { createHmac, timingSafeEqual } from 'node:crypto';

type HmacAlgorithm = 'sha1' | 'sha256' | 'sha512';

/** The keyed hash of a text (RFC 2104); in hexadecimal where no encoding is given. */
export function hmac(
  algorithm: HmacAlgorithm,
  secret: string,
  text: string,
  encoding: 'hex' | 'base64' | 'base64url' = 'hex',
): string {
  return createHmac(algorithm, secret).update(text).digest(encoding);
}

/** Whether a signature that was given is the expected one, in a time that tells nothing of it. */
export function isSameSignature(given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
