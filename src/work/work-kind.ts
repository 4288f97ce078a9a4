import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { WorkEnd } from './work-end.js';
import type { WorkQueue } from './work-queue.js';

/** The result of an item whose work did not fail. */
export type WorkResult =
  /**
   * Its end, or when it goes on, is written, and with it the lease has ended. `written`: that is
   * under way, and takes none of the lane's places any more.
   */
  | {
      readonly state: 'done';
      readonly dueAt?: Date | undefined;
      readonly written?: Promise<unknown>;
    }
  /** It is given back; `null`: due as it was. */
  | { readonly state: 'left'; readonly dueAt: Date | null };

/** A lane, and what its work counts towards besides. */
interface LaneName {
  readonly name: string;
  readonly shares: readonly string[];
}

/** One kind of background work. */
export interface WorkKind<Item extends { readonly id: string }> {
  /** As metrics and logs name it. */
  readonly name: string;
  readonly queue: WorkQueue<Item>;
  /** Items of one lane that this process works on at a time. */
  readonly maxPerLane: (lane: LaneName) => number;
  /** Items of all lanes together that this process works on at a time. */
  readonly maxInAll: number;
  /** Items with this share that this process works on at a time. */
  readonly maxPerShare: (share: string) => number;
  /**
   * Items of a lane that are leased at a time, where that is more than the lane may work on: the
   * others wait in memory, so that one statement takes many.
   */
  readonly takenAtOnce?: number;
  /** Milliseconds after which an item's work is aborted and put off. */
  readonly deadlineMs: number;
  /** Milliseconds between two looks for work that others queued, or left. */
  readonly pollMs: number;
  /** Whether what is under way when the process stops is waited for, rather than aborted. */
  readonly finishesOnStop: boolean;
  /**
   * Does the work of one item and writes the result, in the transaction of its effect and on
   * condition that it is still leased to this process. It ends soon after `end` says that it is to.
   * @throws when it could not be done: it is put off, for longer each time
   */
  readonly run: (item: Item, lane: string, end: WorkEnd) => Promise<WorkResult>;
}

/** Hears how each item's work ended. */
export type WorkObserver = (kind: string, durationMs: number, failed: boolean) => void;

/** What all kinds of work share. */
export interface WorkParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What this process is called in leases. */
  readonly holder: string;
  readonly observe: WorkObserver;
}

/** A kind of work, its items' type hidden: what the engine holds. */
export type AnyWorkKind = WorkKind<{ readonly id: string }>;

/** Type-checks a kind of work: its `run` gets the items that its own queue gives. */
export function workKind<Item extends { readonly id: string }>(kind: WorkKind<Item>): AnyWorkKind {
  return kind as unknown as AnyWorkKind;
}
