import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';

/** How the bytes of an answer are packed. */
export type Coding = 'identity' | 'gzip' | 'br';

/** Where several are wanted alike, the first is taken. */
const PREFERRED: readonly Coding[] = ['br', 'gzip', 'identity'];

/** Shorter texts fit a packet as they are. */
export const MIN_PACKED_BYTES = 1_024;

const GZIP_LEVEL = 6;
/** Of 11. Beyond it a page takes several times as long, and is a tenth smaller. */
const BROTLI_QUALITY = 5;

const packWithGzip = promisify(gzip);
const packWithBrotli = promisify(brotliCompress);

/** What callers send is a few values again and again; anyone may send others. */
const chosen = new LRUCache<string, { readonly coding: Coding | undefined }>({ max: 100 });

/**
 * The coding that `Accept-Encoding` prefers (RFC 9110, section 12.5.3).
 * @returns `undefined`: it refuses each that there is
 */
export function codingFor(acceptEncoding: string | undefined): Coding | undefined {
  if (acceptEncoding === undefined) return 'identity';
  const known = chosen.get(acceptEncoding);
  if (known !== undefined) return known.coding;
  const coding = choose(acceptEncoding);
  chosen.set(acceptEncoding, { coding });
  return coding;
}

/** Whether it refuses an answer as it is, however short. */
export function refusesIdentity(acceptEncoding: string | undefined): boolean {
  return acceptEncoding !== undefined && weightsOf(acceptEncoding).identity === 0;
}

function choose(acceptEncoding: string): Coding | undefined {
  const weights = weightsOf(acceptEncoding);
  const [best] = PREFERRED.filter((coding) => weights[coding] > 0).sort(
    (one, other) => weights[other] - weights[one],
  );
  return best;
}

/** The least weight that there is (RFC 9110, section 12.4.2): of what is not named. */
const UNNAMED = 0.0005;

function weightsOf(acceptEncoding: string): Readonly<Record<Coding, number>> {
  const given = new Map<string, number>();
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim());
    const weight = parameters.find((parameter) => /^q *=/.test(parameter));
    const q = weight === undefined ? 1 : Number(weight.slice(weight.indexOf('=') + 1));
    if (name !== '') given.set(name === 'x-gzip' ? 'gzip' : name, q >= 0 && q <= 1 ? q : 0);
  }
  const others = given.get('*');
  return {
    br: given.get('br') ?? others ?? 0,
    gzip: given.get('gzip') ?? others ?? 0,
    identity: given.get('identity') ?? (others === 0 ? 0 : UNNAMED),
  };
}

/** Packs bytes in a thread of their own. */
export async function pack(bytes: Buffer, coding: Coding): Promise<Buffer> {
  if (coding === 'gzip') return packWithGzip(bytes, { level: GZIP_LEVEL });
  if (coding === 'identity') return bytes;
  return packWithBrotli(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

const MARKS: Readonly<Record<Coding, string>> = { identity: '', gzip: '.gzip', br: '.br' };

/** The strong ETag of packed bytes: they differ from those of the answer as it is. */
export function etagIn(etag: string, coding: Coding): string {
  return `${etag.slice(0, -1)}${MARKS[coding]}"`;
}

/** The ETag of the same answer as it is. */
export function etagUnpacked(etag: string): string {
  return etag.replace(/\.(?:gzip|br)"$/, '"');
}
