import type { ProviderError, ProviderErrorCode } from '../model/index.js';

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 5 * 60_000;

/** What to do about a provider's failure in a step. */
export type Reaction =
  /** It may have done the work: look before asking again. */
  | 'look_then_retry'
  /** It did nothing: ask again later. */
  | 'retry'
  /** It means no. */
  | 'fail';

/** A rejected key is waited for: once the connection has a working one the step goes on. */
const WAITED_FOR: ReadonlySet<ProviderErrorCode> = new Set(['credential_rejected', 'rate_limited', 'circuit_open']);

export function reactionTo(error: ProviderError): Reaction {
  if (error.outcomeUnknown) return 'look_then_retry';
  return WAITED_FOR.has(error.code) ? 'retry' : 'fail';
}

/**
 * Milliseconds until the next attempt: doubling from a second to five minutes, give or take a fifth, never before `retryAfterSeconds`.
 * @param attempts made so far, at least 1
 */
export function backoffMs(attempts: number, retryAfterSeconds: number | null, random: () => number = Math.random): number {
  const doubled = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_DELAY_MS);
  return Math.max(doubled * (0.8 + 0.4 * random()), (retryAfterSeconds ?? 0) * 1000);
}

/** Someone connected the account anew since the disconnect was asked for: that connection was never ours to end. */
export function wasReconnected(formerConnectedAt: Date | null, connectedAt: string | null): boolean {
  return formerConnectedAt !== null && connectedAt !== null && new Date(connectedAt) > formerConnectedAt;
}

export interface StepCounts {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly pending: number;
  readonly cancelled: number;
}

/** The state of a disconnect that its steps add up to; `running` while any is pending. */
export function stateOf(steps: StepCounts): 'running' | 'succeeded' | 'partial' | 'failed' | 'cancelled' {
  if (steps.pending > 0) return 'running';
  if (steps.succeeded === steps.total) return 'succeeded';
  if (steps.succeeded > 0) return 'partial';
  return steps.failed > 0 ? 'failed' : 'cancelled';
}
