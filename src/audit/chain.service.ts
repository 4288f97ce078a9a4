import type { Clock } from '../lib/clock.js';
import { type DatedKey, isSignedWith, type Signer } from '../lib/signature.js';
import {
  type ChainedEntry,
  type Link,
  linkAfter,
  type SignedLink,
  START,
  signedDocument,
} from './chain.js';
import type { AuditCounts, ChainRepository } from './chain.repository.js';

/** Entries that are sealed in one transaction. */
const SEALED_AT_ONCE = 1_000;
/** Transactions of one run; what is left waits for the next. */
const MAX_BATCHES = 20;
const READ_AT_ONCE = 5_000;
/** Faults that are named; the rest is counted. */
const MAX_FAULTS = 20;

/** What a check of the whole audit log came to. */
export interface AuditCheck {
  readonly counts: AuditCounts;
  readonly last: Link;
  /** Each as a sentence; none: the log is as it was written. */
  readonly faults: readonly string[];
}

/**
 * The audit log's hash chain. Entries are written without waiting for one another; a recurring job
 * of one replica at a time seals those that have been committed, in batches: each link is a hash
 * over the one before and the entry, and the end of the chain is signed. So an entry that is
 * changed, removed or inserted is detected, as the database's owner alone does not have the secret.
 */
export class ChainService {
  constructor(
    private readonly parts: {
      readonly chain: ChainRepository;
      readonly signer: Signer;
      readonly clock: Clock;
    },
  ) {}

  /** Seals what waits, and signs the end anew when that was done with another secret's key. */
  async seal(): Promise<void> {
    const { chain, signer } = this.parts;
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const sealed = await chain.alone(async (client) => {
        const entries = await chain.waiting(client, SEALED_AT_ONCE);
        const last = await chain.last(client);
        const head = await chain.head(client);
        const isCurrent = head === undefined || head.signature.key_id === signer.publicKey.kid;
        if (entries.length === 0 && isCurrent) return 0;
        const links = linksOf(last, entries);
        if (links.length > 0) await chain.append(client, links);
        await chain.setHead(client, this.signed(links.at(-1) ?? last));
        return links.length;
      });
      if (sealed === undefined || sealed < SEALED_AT_ONCE) return;
    }
  }

  /**
   * Checks every entry against the chain, and the counts.
   * @param keys those whose signature under the end counts
   * @param noted links that were noted before, which must still be in the chain
   */
  check(keys: readonly DatedKey[], noted: readonly Link[]): Promise<AuditCheck> {
    const { chain } = this.parts;
    return chain.atOneMoment(async (client) => {
      const faults = new Faults();
      const anchor = await chain.anchor(client);
      if (anchor && !isSignedLink('audit_anchor', anchor, keys))
        faults.add('The beginning of the chain is not signed with a key of this gateway.');
      let last: Link = anchor ?? START;
      const archived = last.position;
      for (const { position, hash } of noted)
        if (position < archived || (position === archived && !hash.equals(last.hash)))
          faults.add(
            `The chain begins after position ${archived}: the noted position ${position} is not part of it, or is in an archive.`,
          );
      for (let isMore = true; isMore; ) {
        const links = await chain.links(client, last.position, READ_AT_ONCE);
        for (const { position, hash, event_id: id, text } of links) {
          if (position !== last.position + 1)
            faults.add(
              `Positions ${last.position + 1} to ${position - 1} of the chain are missing.`,
            );
          const before = { position: position - 1, hash: last.hash };
          if (text === null) faults.add(`Entry ${id} (position ${position}) was deleted.`);
          else if (!linkAfter(before, { id, text }).hash.equals(hash))
            faults.add(`Entry ${id} (position ${position}) is not as it was sealed.`);
          const note = noted.find((one) => one.position === position);
          if (note && !note.hash.equals(hash))
            faults.add(`The chain up to position ${position} is not the one that was noted.`);
          last = { position, hash };
        }
        isMore = links.length === READ_AT_ONCE;
      }
      for (const { position } of noted.filter((one) => one.position > last.position))
        faults.add(`The chain ends at ${last.position}, before the noted position ${position}.`);
      for (const { id, is_gone: isGone } of await chain.strays(client, MAX_FAULTS))
        faults.add(
          isGone
            ? `Entry ${id} was deleted before it was sealed.`
            : `Entry ${id} is neither sealed nor waiting to be sealed.`,
        );
      checkHead(faults, await chain.head(client), last, keys);
      return { counts: await chain.counts(client), last, faults: faults.sentences };
    });
  }

  private signed(link: Link): SignedLink {
    const { clock, signer } = this.parts;
    const at = clock.now();
    return { ...link, at, signature: signer.sign(signedDocument('audit_head', link, at)) };
  }
}

function linksOf(last: Link, entries: readonly ChainedEntry[]): (Link & { id: string })[] {
  let link = last;
  return entries.map((entry) => {
    link = linkAfter(link, entry);
    return { ...link, id: entry.id };
  });
}

function checkHead(
  faults: Faults,
  head: SignedLink | undefined,
  last: Link,
  keys: readonly DatedKey[],
): void {
  if (!head) {
    if (last.position > 0) faults.add('The end of the chain is not signed.');
    return;
  }
  if (!isSignedLink('audit_head', head, keys))
    faults.add('The end of the chain is not signed with a key of this gateway.');
  if (head.position !== last.position || !head.hash.equals(last.hash))
    faults.add(`The chain ends at ${last.position}, and its signed end is at ${head.position}.`);
}

/** Whether one of the keys signed it while it was in use. */
function isSignedLink(
  type: 'audit_head' | 'audit_anchor',
  link: SignedLink,
  keys: readonly DatedKey[],
): boolean {
  const { at, signature } = link;
  const key = keys.find(({ kid }) => kid === signature.key_id);
  const isInTime = key && (key.valid_until === null || at <= key.valid_until);
  return isInTime === true && isSignedWith(signedDocument(type, link, at), signature.value, key);
}

/** The first faults, and how many there were besides. */
class Faults {
  private readonly named: string[] = [];
  private more = 0;

  add(sentence: string): void {
    if (this.named.length < MAX_FAULTS) this.named.push(sentence);
    else this.more += 1;
  }

  get sentences(): string[] {
    return this.more > 0 ? [...this.named, `… and ${this.more} more.`] : this.named;
  }
}
