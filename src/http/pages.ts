import { LRUCache } from 'lru-cache';
import { type Answer, type Rendered, render } from './answer.js';
import { etagOf } from './conditional.js';
import { type Coding, etagIn, MIN_PACKED_BYTES, pack } from './content-coding.js';
import type { Endpoint } from './route.js';

const MAX_CACHED_BYTES = 32 * 1024 * 1024;
const MAX_ASKED_FOR = 10_000;
/** What an entry takes besides its bytes, packed ones included. */
const EXTRA = 1.25;

/** An answer down to its bytes, in each coding that was asked for. */
export class Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** In bytes. */
  readonly length: number;
  private content: string | Buffer;
  private isSent = false;
  private readonly packed = new Map<Coding, Buffer | Promise<Buffer>>();

  /** @param etag of the bytes as they are */
  constructor(
    { status, headers, text = '' }: Rendered,
    readonly etag = etagOf(text),
  ) {
    this.status = status;
    this.headers = { 'Cache-Control': 'private, no-cache', ...headers };
    this.length = Buffer.byteLength(text);
    this.content = text;
  }

  /** The coding it is sent in to one who prefers `wanted`. */
  codingOf(wanted: Coding, refusesIdentity: boolean): Coding {
    return this.length < MIN_PACKED_BYTES && !refusesIdentity ? 'identity' : wanted;
  }

  /**
   * Packed once, however many ask meanwhile. What is sent once and no more is best sent as text: 27
   * rather than 60 µs for 64 KB, and bytes that are there take as little.
   */
  in(coding: Coding): string | Buffer | Promise<Buffer> {
    if (coding === 'identity') {
      if (this.isSent) return this.bytes();
      this.isSent = true;
      return this.content;
    }
    const known = this.packed.get(coding);
    if (known !== undefined) return known;
    const packing = pack(this.bytes(), coding).then((bytes) => {
      this.packed.set(coding, bytes);
      return bytes;
    });
    this.packed.set(coding, packing);
    return packing;
  }

  private bytes(): Buffer {
    if (typeof this.content === 'string') this.content = Buffer.from(this.content);
    return this.content;
  }

  /** What says how it is sent. */
  headersIn(coding: Coding, body: string | Buffer): Readonly<Record<string, string | number>> {
    return {
      ...this.headers,
      ETag: etagIn(this.etag, coding),
      ...(coding !== 'identity' && { 'Content-Encoding': coding }),
      'Content-Length': coding === 'identity' ? this.length : body.length,
    };
  }
}

/**
 * Answers by the version that they show: polling what has not changed builds nothing again. None is
 * ever out of date, as the version was read before it was made. Those are kept that are asked for
 * again: of readers who never ask the same twice there would be nothing but memory to collect.
 */
export class Pages {
  private readonly kept = new LRUCache<string, Page>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (page, version) => Math.ceil(EXTRA * page.length) + 2 * version.length + 1,
  });
  private readonly askedFor = new LRUCache<string, true>({ max: MAX_ASKED_FOR });
  private readonly making = new Map<string, Promise<Page>>();

  known(version: string): Page | undefined {
    return this.kept.get(version);
  }

  /** The ETag of a list is its version, that of a resource is of its body. */
  make({ isVersioned }: Endpoint, version: string, answered: () => Promise<Answer>): Promise<Page> {
    const etag = isVersioned ? version : undefined;
    return this.of(version, async () => new Page(render(await answered()), etag));
  }

  /** @param make is asked once for all who want the same meanwhile */
  private async of(version: string, make: () => Promise<Page>): Promise<Page> {
    const known = this.kept.get(version) ?? this.making.get(version);
    if (known !== undefined) return known;
    const made = make();
    this.making.set(version, made);
    try {
      const page = await made;
      if (this.askedFor.has(version)) this.kept.set(version, page);
      else this.askedFor.set(version, true);
      return page;
    } finally {
      this.making.delete(version);
    }
  }
}
