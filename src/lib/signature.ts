import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type JsonWebKey,
  sign,
  verify,
} from 'node:crypto';
import { canonicalJson } from './canonical-json.js';

/** An Ed25519 signature over the canonical JSON of a document. */
export interface Signature {
  readonly algorithm: 'Ed25519';
  readonly key_id: string;
  /** base64url */
  readonly value: string;
}

/** A public key as RFC 8037 writes it. */
export interface PublicKey {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly kid: string;
  readonly use: string;
}

/** A public key, and when documents were signed with its private half. */
export interface DatedKey extends PublicKey {
  /** `null`: since before such times were kept. */
  readonly valid_from: Date | null;
  /** `null`: to this day. */
  readonly valid_until: Date | null;
}

/** Signs receipts and the audit log with a key that is derived from the secret. */
export interface Signer {
  readonly publicKey: PublicKey;
  sign(document: unknown): Signature;
}

/** What DER puts before the 32 bytes of an Ed25519 private key (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * The key is derived from the gateway's secret, so that all replicas sign as one.
 * @param secret 32 bytes in base64
 */
export function createSigner(secret: string): Signer {
  const seed = Buffer.from(
    hkdfSync('sha256', Buffer.from(secret, 'base64'), '', 'rollcall/receipt', 32),
  );
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const kid = createHash('sha256').update(x).digest('base64url').slice(0, 16);
  return {
    publicKey: { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig' },
    sign: (document) => ({
      algorithm: 'Ed25519',
      key_id: kid,
      value: sign(null, Buffer.from(canonicalJson(document)), privateKey).toString('base64url'),
    }),
  };
}

/**
 * Whether `signature` was made over exactly this document with the private half of `publicKey`.
 * @param signature base64url in its one form: nothing after it, no other alphabet, no padding
 */
export function isSignedWith(document: unknown, signature: string, publicKey: PublicKey): boolean {
  const bytes = Buffer.from(signature, 'base64url');
  // Buffer skips what is not base64url; a signature with anything added is not the one we made.
  if (bytes.toString('base64url') !== signature) return false;
  const { kty, crv, x } = publicKey;
  const key = createPublicKey({ key: { kty, crv, x } satisfies JsonWebKey, format: 'jwk' });
  return verify(null, Buffer.from(canonicalJson(document)), key, bytes);
}
