import { LRUCache } from 'lru-cache';

const MAX_BYTES = 32 * 1024 * 1024;
/** What an entry takes besides its bytes. */
const EXTRA_BYTES = 300;
const MAX_TEAMS = 1_000;
/** From this part on it is worth asking which versions there are before the documents. */
const WORTHWHILE = 0.5;
/** How much the last page counts in what is known of those before. */
const LAST = 0.5;

/** The version of an account's row, and of whatever else its document is built from. */
export interface VersionedId {
  readonly id: string;
  readonly version: string;
}

/** A document as bytes, with the version it is of. */
interface VersionedDocument {
  readonly version: string;
  readonly document: Buffer;
}

/**
 * Documents of accounts as they were last built, by the versions of their rows: building that of a
 * page takes PostgreSQL four times as long as finding its rows, and most rows stay as they are. Never out of
 * date, as the version is read each time.
 */
export class AccountDocuments {
  private readonly kept = new LRUCache<string, VersionedDocument>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ document, version }) => document.length + version.length + EXTRA_BYTES,
  });
  /** Of the last pages of a team, the part that was known. */
  private readonly found = new LRUCache<string, number>({ max: MAX_TEAMS });

  /** @returns `undefined`: it is not kept, or of another version */
  of({ id, version }: VersionedId): Buffer | undefined {
    const kept = this.kept.get(id);
    return kept?.version === version ? kept.document : undefined;
  }

  /** @param documents of the rows, one by one */
  keep(rows: readonly VersionedId[], documents: readonly string[]): void {
    for (const [index, { id, version }] of rows.entries())
      this.kept.set(id, { version, document: Buffer.from(documents[index] ?? '') });
  }

  /** Whether most of what the team reads is known: one who reads on and on reads what is not. */
  isWorthwhile(team: string): boolean {
    return (this.found.get(team) ?? 0) >= WORTHWHILE;
  }

  /** The documents of a page that the team reads, in its order, as far as they are known. */
  find(team: string, rows: readonly VersionedId[]): (Buffer | undefined)[] {
    let known = 0;
    const documents = rows.map((row) => {
      const document = this.of(row);
      if (document !== undefined) known += 1;
      return document;
    });
    if (rows.length > 0) {
      const before = this.found.get(team) ?? 0;
      this.found.set(team, (1 - LAST) * before + LAST * (known / rows.length));
    }
    return documents;
  }
}
