import type { Rendered } from './answer.js';

const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Rendered pages of versioned lists by ETag: polling an unchanged list does not build it again. An
 * entry is never out of date, as its ETag names the version it shows. The least recently used
 * entries are evicted first.
 */
export class PageCache {
  private readonly pages = new Map<string, Rendered>();
  private bytes = 0;

  get(etag: string): Rendered | undefined {
    const page = this.pages.get(etag);
    if (page === undefined) return undefined;
    this.pages.delete(etag);
    this.pages.set(etag, page);
    return page;
  }

  set(etag: string, page: Rendered): void {
    this.delete(etag);
    this.pages.set(etag, page);
    this.bytes += sizeOf(page);
    for (const oldest of this.pages.keys()) {
      if (this.bytes <= MAX_BYTES) return;
      this.delete(oldest);
    }
  }

  private delete(etag: string): void {
    const page = this.pages.get(etag);
    if (page === undefined) return;
    this.pages.delete(etag);
    this.bytes -= sizeOf(page);
  }
}

/** Strings take up to two bytes a character. */
function sizeOf({ text = '' }: Rendered): number {
  return 2 * text.length;
}
