import { createHash } from 'node:crypto';
import type { Signature } from '../lib/signature.js';

/** An entry as the chain has it. */
export interface ChainedEntry {
  readonly id: string;
  /** All of the entry, in one form: see `ENTRY_TEXT` of the repository. */
  readonly text: string;
}

/** A link of the chain: how far it is, and what it comes to there. */
export interface Link {
  /** Of the entry in the chain, from 1; 0: before the first. */
  readonly position: number;
  readonly hash: Buffer;
}

/** The end of the chain, or its beginning once there is an archive, as it was signed. */
export interface SignedLink extends Link {
  readonly at: Date;
  readonly signature: Signature;
}

export const START: Link = { position: 0, hash: Buffer.alloc(32) };

/** The link after `before`: it holds for this entry and everything before it. */
export function linkAfter(before: Link, entry: ChainedEntry): Link {
  const hash = createHash('sha256').update(before.hash).update(entry.text).digest();
  return { position: before.position + 1, hash };
}

/** What is signed of a link: that the chain ends there, or that what is before it was archived. */
export function signedDocument(
  type: 'audit_head' | 'audit_anchor',
  { position, hash }: Link,
  at: Date,
): object {
  return { type, position, hash: hash.toString('hex'), at: at.toISOString() };
}

/** A link as people keep it, such as `1204:5f0c…`. */
export function noteOf({ position, hash }: Link): string {
  return `${position}:${hash.toString('hex')}`;
}

/** @returns `undefined` for what is no such note */
export function parseNote(note: string): Link | undefined {
  const [, position, hash = ''] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(note) ?? [];
  return position === undefined
    ? undefined
    : { position: Number(position), hash: Buffer.from(hash, 'hex') };
}
