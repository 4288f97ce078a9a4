import { hash, randomInt } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_LENGTH = 30;
const FORMAT = /^rc_([0-9a-hjkmnp-tv-z]{26})_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

/** A key as its holder has it: `rc_<id>_<30 base62><6 checksum>`. */
interface ParsedKey {
  /** The row's id, `key_<id>`. */
  readonly id: string;
  readonly secretHash: Buffer;
}

/** @param id the row's id, `key_…` */
export function makeKey(id: string): string {
  const secret = Array.from({ length: SECRET_LENGTH }, () => BASE62[randomInt(BASE62.length)]).join(
    '',
  );
  const unsigned = `rc_${id.slice('key_'.length)}_${secret}`;
  return unsigned + checksum(unsigned);
}

/**
 * `undefined` for anything that is not a key: a mistyped one is rejected without asking the database.
 */
export function parseKey(text: string): ParsedKey | undefined {
  const [, id, secret, sum] = FORMAT.exec(text) ?? [];
  if (id === undefined || secret === undefined || sum !== checksum(`rc_${id}_${secret}`))
    return undefined;
  return { id: `key_${id}`, secretHash: hash('sha256', text, 'buffer') };
}

/** What is kept of a key. @throws Error for what is not in the key format */
export function hashOf(key: string): Uint8Array<ArrayBuffer> {
  const parsed = parseKey(key);
  if (!parsed) throw new Error('created a key that is not in the key format');
  return new Uint8Array(parsed.secretHash);
}

function checksum(text: string): string {
  let rest = hash('sha256', text, 'buffer').readUIntBE(0, 6);
  let sum = '';
  for (let digit = 0; digit < 6; digit++) {
    sum += BASE62[rest % 62];
    rest = Math.floor(rest / 62);
  }
  return sum;
}
