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
const KEY_ID_BYTES = 4;
/** How much of the key's id a sealed value begins with. */
const MARK_BYTES = 2;

/**
 * Keeps secrets at rest and signs what callers carry for us, each with its own key derived from the
 * one secret. Former secrets still open and verify; only the one in use seals and signs.
 */
export interface Sealer {
  /** The id of the secret in use: eight hex digits that reveal nothing of it. */
  readonly keyId: string;
  /**
   * AES-256-GCM over `text`. It opens only with the same `boundTo`: a sealed value copied to
   * another row is worthless.
   *
   * | bytes | what |
   * |---|---|
   * | 12 | the nonce: 2 of the key's id, 10 random |
   * | 16 | the tag |
   * | rest | the text |
   *
   * The id stands inside the nonce, so that the release before, whose nonce is random, opens the
   * value too.
   */
  seal(text: string, boundTo: string): Uint8Array<ArrayBuffer>;
  /**
   * @throws Error when the bytes were altered, belong elsewhere or were sealed with a secret that
   * is not among ours
   */
  open(sealed: Uint8Array, boundTo: string): string;
  canOpen(sealed: Uint8Array, boundTo: string): boolean;
  /** Whether a value was sealed with the secret in use, and carries its id. */
  isCurrent(sealed: Uint8Array, boundTo: string): boolean;
  /** HMAC-SHA-256, base64url. */
  sign(text: string): string;
  isSignedBy(text: string, signature: string): boolean;
}

/**
 * @param secret 32 bytes in base64
 * @param former secrets that were in use before, or will be
 */
export function createSealer(secret: string, former: readonly string[] = []): Sealer {
  const current = keyOf(secret);
  const keys = [current, ...former.map(keyOf)];
  const openWithAny = (sealed: Uint8Array, boundTo: string): string | undefined => {
    // A value of the release before may bear a mark by chance: the others are tried after it.
    const marked = keys.filter((key) => bearsMarkOf(key, sealed));
    for (const key of [...marked, ...keys.filter((one) => !marked.includes(one))]) {
      const text = open(key, sealed, boundTo);
      if (text !== undefined) return text;
    }
    return undefined;
  };
  return {
    keyId: current.id.toString('hex'),
    seal: (text, boundTo) => seal(current, text, boundTo),
    open(sealed, boundTo) {
      const text = openWithAny(sealed, boundTo);
      if (text !== undefined) return text;
      throw new Error('a sealed value was altered, or sealed with a secret that is not among ours');
    },
    canOpen: (sealed, boundTo) => openWithAny(sealed, boundTo) !== undefined,
    isCurrent: (sealed, boundTo) =>
      bearsMarkOf(current, sealed) && open(current, sealed, boundTo) !== undefined,
    sign: (text) => sign(current, text),
    isSignedBy(text, signature) {
      const given = Buffer.from(signature);
      return keys.some((key) => {
        const expected = Buffer.from(sign(key, text));
        return given.length === expected.length && timingSafeEqual(given, expected);
      });
    },
  };
}

/** What is derived of one secret. */
interface Key {
  readonly id: Buffer;
  readonly sealing: Buffer;
  readonly signing: Buffer;
}

function keyOf(secret: string): Key {
  const derive = (purpose: string, bytes: number) =>
    Buffer.from(
      hkdfSync('sha256', Buffer.from(secret, 'base64'), '', `rollcall/${purpose}`, bytes),
    );
  return {
    id: derive('key id', KEY_ID_BYTES),
    sealing: derive('seal', 32),
    signing: derive('sign', 32),
  };
}

const markOf = (key: Key) => key.id.subarray(0, MARK_BYTES);

function bearsMarkOf(key: Key, sealed: Uint8Array): boolean {
  return markOf(key).equals(sealed.subarray(0, MARK_BYTES));
}

function seal(key: Key, text: string, boundTo: string): Uint8Array<ArrayBuffer> {
  const nonce = Buffer.concat([markOf(key), randomBytes(NONCE_BYTES - MARK_BYTES)]);
  const cipher = createCipheriv('aes-256-gcm', key.sealing, nonce).setAAD(Buffer.from(boundTo));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), body]));
}

/** @returns `undefined` when the key does not fit, or the value was altered or belongs elsewhere */
function open(key: Key, sealed: Uint8Array, boundTo: string): string | undefined {
  const bytes = Buffer.from(sealed);
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key.sealing, bytes.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(boundTo))
    .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

function sign(key: Key, text: string): string {
  return createHmac('sha256', key.signing).update(text).digest('base64url');
}
