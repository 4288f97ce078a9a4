import type { Verdict } from '../../src/model/index.js';

/** What happened to one account; knows nothing of how the gateway works. */
type Note =
  | { readonly what: 'seen'; readonly verdict: Verdict; readonly at: number }
  | {
      readonly what: 'key rejected' | 'silence' | 'nobody looked' | 'missed' | 'gone';
      readonly at: number;
    };

/**
 * The reference model of one account: all that happened to it, from which each answer is computed
 * again.
 */
export class AccountModel {
  private readonly notes: Note[] = [];

  note(note: Note): void {
    this.notes.push(note);
  }

  /** When it was last seen; `undefined`: never. */
  get lastSeenAt(): number | undefined {
    return this.notes.filter(({ what }) => what === 'seen').at(-1)?.at;
  }

  get isGone(): boolean {
    return (
      this.notes.filter(({ what }) => what === 'seen' || what === 'gone').at(-1)?.what === 'gone'
    );
  }

  /** A list that was complete lacked it, and it has not been seen since. */
  get isMissed(): boolean {
    return (
      this.notes.filter(({ what }) => what === 'seen' || what === 'missed').at(-1)?.what ===
      'missed'
    );
  }

  /** When a complete list first lacked it since it was last seen. */
  get missedSince(): number | undefined {
    const seen = this.notes.findLastIndex(({ what }) => what === 'seen');
    return this.notes.slice(seen + 1).find(({ what }) => what === 'missed')?.at;
  }

  /**
   * Its health in words: what was last seen, unless there was ground since to no longer believe it.
   * What is gone keeps what it had.
   */
  get answer(): string {
    let health: Verdict | undefined;
    let isGone = false;
    for (const note of this.notes) {
      if (note.what === 'seen') [health, isGone] = [note.verdict, false];
      if (note.what === 'gone') isGone = true;
      if (note.what === 'key rejected' && !isGone)
        health = { status: 'unknown', reason: 'credential_rejected', fault: 'connection' };
      if (note.what === 'silence' && !isGone)
        health = { status: 'unknown', reason: 'provider_unreachable', fault: 'provider' };
      // What was found out by asking stands.
      if (note.what === 'nobody looked' && !isGone && health?.reason !== 'provider_unreachable')
        health = { status: 'unknown', reason: 'not_checked', fault: 'gateway' };
    }
    if (!health) throw new Error('never seen');
    return inWords(isGone, health);
  }
}

/** An account's state as one text, to compare. */
export function inWords(
  isGone: boolean,
  { status, reason, fault }: { status: string; reason: string | null; fault: string | null },
): string {
  return `${isGone ? 'gone, ' : ''}${status} ${reason} ${fault}`;
}

/** Enough of a connection's accounts missing at once that a second list has to agree. */
export function isTooMany(missing: number, of: number): boolean {
  return of > 10 && missing > of / 2;
}
