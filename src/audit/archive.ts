import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import pg from 'pg';
import type { DatabaseConnection } from '../database/index.js';
import type { Signer } from '../lib/signature.js';
import { type Link, linkAfter, noteOf, START, signedDocument } from './chain.js';
import type { ChainRepository } from './chain.repository.js';

/** Entries that are read, or deleted in one transaction, which holds up writers of others. */
const AT_ONCE = 5_000;

/** What an archive came to. */
export interface Archived {
  readonly entries: number;
  /** The last link that is in it. */
  readonly last: Link;
}

interface ArchiveParts {
  readonly chain: ChainRepository;
  /** Signs where the chain begins from now on. */
  readonly signer: Signer;
  /** Who owns the tables: nobody else may delete entries. */
  readonly owner: DatabaseConnection;
}

/**
 * Moves the oldest entries of the audit log, with their links, into a file, and deletes them once the
 * file was read back whole. The chain goes on from the last of them, whose hash is signed.
 * @param before entries from this time on stay, as does the last one
 * @param path of a file that is not there yet: a line of JSON for each entry, `{position, hash, text}`,
 * each hash over the one before and the text. The first line is the link before them
 * @returns `undefined` when there is nothing so old
 */
export async function archiveAudit(
  { chain, signer, owner }: ArchiveParts,
  before: Date,
  path: string,
): Promise<Archived | undefined> {
  const client = new pg.Client(owner);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const first: Link = (await chain.anchor(client)) ?? START;
    const end = await chain.lastBefore(client, before);
    if (end <= first.position) return undefined;
    const last = await writeArchive(chain, client, path, first, end);
    const read = await readArchive(path);
    if (noteOf(read) !== noteOf(last))
      throw new Error(`${path} is not what was written to it: nothing was deleted`);
    for (let position = first.position; position < end; ) {
      position = Math.min(position + AT_ONCE, end);
      await chain.cut(client, position, (link) => {
        const at = new Date();
        return { ...link, at, signature: signer.sign(signedDocument('audit_anchor', link, at)) };
      });
    }
    return { entries: end - first.position, last };
  } finally {
    await client.end();
  }
}

/** @throws Error where an entry is not as it was sealed */
async function writeArchive(
  chain: ChainRepository,
  client: pg.ClientBase,
  path: string,
  first: Link,
  end: number,
): Promise<Link> {
  const file = await open(path, 'wx', 0o600);
  try {
    await writeLine(file, { position: first.position, hash: first.hash.toString('hex') });
    let last = first;
    while (last.position < end) {
      const links = await chain.links(
        client,
        last.position,
        Math.min(AT_ONCE, end - last.position),
      );
      for (const { event_id: id, text } of links) {
        last = linkAfter(last, { id, text: text ?? '' });
        const { position, hash } = last;
        await writeLine(file, { position, hash: hash.toString('hex'), text });
      }
      if (links.at(-1)?.hash.equals(last.hash) !== true)
        throw new Error(`the chain is broken before position ${last.position}`);
    }
    await file.sync();
    return last;
  } finally {
    await file.close();
  }
}

async function writeLine(file: FileHandle, line: object): Promise<void> {
  await file.write(`${JSON.stringify(line)}\n`);
}

/**
 * Reads an archive and computes its links anew.
 * @returns the last one
 * @throws Error naming the first line that is not as it was sealed
 */
export async function readArchive(path: string): Promise<Link> {
  let last: Link | undefined;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { position, hash, text } = JSON.parse(line) as {
      readonly position: number;
      readonly hash: string;
      readonly text?: string;
    };
    const link: Link =
      last === undefined || text === undefined
        ? { position, hash: Buffer.from(hash, 'hex') }
        : linkAfter(last, { id: '', text });
    if (last !== undefined && (text === undefined || link.hash.toString('hex') !== hash))
      throw new Error(`${path}: position ${position} is not as it was sealed`);
    last = link;
  }
  if (last === undefined) throw new Error(`${path} is empty`);
  return last;
}
