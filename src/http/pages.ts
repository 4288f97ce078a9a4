import { LRUCache } from 'lru-cache';
import type { Rendered } from './answer.js';
import { etagOf } from './conditional.js';
import { type Coding, etagIn, MIN_PACKED_BYTES, pack } from './content-coding.js';

const MAX_CACHED_BYTES = 32 * 1024 * 1024;
/** What an entry takes besides its bytes, packed ones included. */
const EXTRA = 1.25;

/** An answer down to its bytes, in each coding that was asked for. */
export class Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  private readonly packed = new Map<Coding, Buffer | Promise<Buffer>>();

  /** @param etag of the bytes as they are */
  constructor(
    { status, headers, text = '' }: Rendered,
    readonly etag = etagOf(text),
  ) {
    this.status = status;
    this.headers = { 'Cache-Control': 'private, no-cache', ...headers };
    this.bytes = Buffer.from(text);
  }

  /** The coding it is sent in to one who prefers `wanted`. */
  codingOf(wanted: Coding, refusesIdentity: boolean): Coding {
    return this.bytes.length < MIN_PACKED_BYTES && !refusesIdentity ? 'identity' : wanted;
  }

  /** Packed once, however many ask meanwhile. */
  in(coding: Coding): Buffer | Promise<Buffer> {
    if (coding === 'identity') return this.bytes;
    const known = this.packed.get(coding);
    if (known !== undefined) return known;
    const packing = pack(this.bytes, coding).then((bytes) => {
      this.packed.set(coding, bytes);
      return bytes;
    });
    this.packed.set(coding, packing);
    return packing;
  }

  /** What says how it is sent. */
  headersIn(coding: Coding, body: Buffer): Readonly<Record<string, string | number>> {
    return {
      ...this.headers,
      ETag: etagIn(this.etag, coding),
      ...(coding !== 'identity' && { 'Content-Encoding': coding }),
      'Content-Length': body.length,
    };
  }
}

/**
 * Answers by the version that they show: polling what has not changed builds nothing again. None is
 * ever out of date, as the version was read before it was made.
 */
export class Pages {
  private readonly kept = new LRUCache<string, Page>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (page, version) =>
      Math.ceil(EXTRA * page.bytes.length) + 2 * version.length + 1,
  });
  private readonly making = new Map<string, Promise<Page>>();

  known(version: string): Page | undefined {
    return this.kept.get(version);
  }

  /** @param make is asked once for all who want the same meanwhile */
  async of(version: string, make: () => Promise<Page>): Promise<Page> {
    const known = this.kept.get(version) ?? this.making.get(version);
    if (known !== undefined) return known;
    const made = make();
    this.making.set(version, made);
    try {
      const page = await made;
      this.kept.set(version, page);
      return page;
    } finally {
      this.making.delete(version);
    }
  }
}
