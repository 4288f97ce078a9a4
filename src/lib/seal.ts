import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Keeps secrets at rest and signs what callers carry for us, each with its own key derived from the
 * one secret.
 */
export interface Sealer {
  /**
   * AES-256-GCM over `text`. It opens only with the same `boundTo`: a sealed value copied to
   * another row is worthless.
   */
  seal(text: string, boundTo: string): Uint8Array<ArrayBuffer>;
  /**
   * @throws Error when the bytes were altered, belong elsewhere or were sealed with another secret
   */
  open(sealed: Uint8Array, boundTo: string): string;
  /** HMAC-SHA-256, base64url. */
  sign(text: string): string;
  isSignedBy(text: string, signature: string): boolean;
}

/** @param secret 32 bytes in base64 */
export function createSealer(secret: string): Sealer {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', `rollcall/${purpose}`, 32));
  const sealingKey = derive('seal');
  const signingKey = derive('sign');
  const sign = (text: string) => createHmac('sha256', signingKey).update(text).digest('base64url');
  return {
    seal(text, boundTo) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(Buffer.from(boundTo));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), body]));
    },
    open(sealed, boundTo) {
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv('aes-256-gcm', sealingKey, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(boundTo))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return (
        decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') +
        decipher.final('utf8')
      );
    },
    sign,
    isSignedBy(text, signature) {
      const expected = Buffer.from(sign(text));
      const given = Buffer.from(signature);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
