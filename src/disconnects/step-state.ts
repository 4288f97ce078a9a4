import { isStale } from '../accounts/index.js';
import type { ProviderError, ProviderErrorCode } from '../model/index.js';

/** How far a step got: what is written here is written before the provider is asked. */
export type Phase =
  /** The account is `disconnecting` here; the provider knows of nothing. */
  | 'accepted'
  /** The provider may have been asked to delete. */
  | 'deleting'
  /** It said yes. */
  | 'deleted'
  /** The step is given up, and the account that was paused for it is about to be resumed. */
  | 'resuming'
  /** The provider no longer shows the account. */
  | 'verified';

/** What a step comes to once its account is gone. */
export type Outcome =
  /** Nothing of ours can have ended it. */
  | 'already_gone'
  /** A delete of ours did, or may have. */
  | 'disconnected';

/** What to do about a provider's failure in a step. */
type Reaction =
  /** It may have done the work: look before asking again. */
  | 'look_then_retry'
  /** It did nothing: ask again later. */
  | 'retry'
  /** It means no. */
  | 'fail';

/** A rejected key is waited for: once the connection has a working one the step goes on. */
const WAITED_FOR: ReadonlySet<ProviderErrorCode> = new Set([
  'credential_rejected',
  'rate_limited',
  'circuit_open',
  'absence_unproven',
]);

/** What follows a failed call of a step: retry, wait or give up. */
export function reactionTo(error: ProviderError): Reaction {
  if (error.outcomeUnknown) return 'look_then_retry';
  return WAITED_FOR.has(error.code) ? 'retry' : 'fail';
}

/**
 * How patient a step is. Times in milliseconds. Tests shrink them; production takes the defaults.
 */
export interface DisconnectSettings {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** No attempt is made later than this after the start. */
  readonly keepsTryingMs: number;
  /** How long a provider may take over one call. */
  readonly callDeadlineMs: number;
  /** How long a step is leased; extended for as long as its process is at it. */
  readonly leaseMs: number;
  /** How often a replica looks for steps that another one accepted. */
  readonly pollMs: number;
  /** How long a finished disconnect and the tombstone of its account are kept. */
  readonly retentionDays: number;
}

export const DEFAULT_DISCONNECT_SETTINGS: DisconnectSettings = {
  firstDelayMs: 1000,
  longestDelayMs: 5 * 60_000,
  keepsTryingMs: 24 * 3_600_000,
  callDeadlineMs: 15_000,
  leaseMs: 40_000,
  pollMs: 2000,
  retentionDays: 365,
};

/**
 * Milliseconds until the next attempt: doubling from the first delay to the longest, give or take a
 * fifth, never before `retryAfterSeconds`.
 * @param attempts made so far, at least 1
 */
export function backoffMs(
  attempts: number,
  retryAfterSeconds: number | null,
  { firstDelayMs, longestDelayMs }: Pick<DisconnectSettings, 'firstDelayMs' | 'longestDelayMs'>,
  random: () => number = Math.random,
): number {
  const doubled = Math.min(firstDelayMs * 2 ** Math.min(attempts - 1, 20), longestDelayMs);
  return Math.max(doubled * (0.8 + 0.4 * random()), (retryAfterSeconds ?? 0) * 1000);
}

/**
 * Whether an account is looked at before its delete is asked for, so that nobody else's is deleted:
 * always where one account can be asked for by itself. Where only the whole list shows it, the look
 * that the decision rests on will do while it is younger than a minute, unless the delete destroys
 * data or the step was scheduled, retried or tried before.
 */
export function mustLookFirst(
  step: {
    readonly looksFirst: boolean;
    readonly attempts: number;
    readonly destroysData: boolean;
    readonly seenAt: Date;
  },
  now: Date,
  isOneCall: boolean,
): boolean {
  const { looksFirst, attempts, destroysData, seenAt } = step;
  return isOneCall || destroysData || looksFirst || attempts > 1 || isStale(seenAt, now);
}

/** The number of steps of a disconnect, in total and by state. */
export interface StepCounts {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly pending: number;
  readonly cancelled: number;
}

/** The state of a disconnect that its steps add up to; `running` while any is pending. */
export function stateOf(
  steps: StepCounts,
): 'running' | 'succeeded' | 'partial' | 'failed' | 'cancelled' {
  if (steps.pending > 0) return 'running';
  if (steps.succeeded === steps.total) return 'succeeded';
  if (steps.succeeded > 0) return 'partial';
  return steps.failed > 0 ? 'failed' : 'cancelled';
}
