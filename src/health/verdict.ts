import type { Verdict } from '../model/index.js';

/** A verdict stands this many sweep intervals without a good look; then it is unknown. */
const STANDS_FOR_INTERVALS = 3;

/** The verdicts that no look at an account gives, but the lack of one. */
export type AbsentVerdict = 'credential_rejected' | 'provider_unreachable';

export const ABSENT: Readonly<Record<AbsentVerdict, Verdict>> = {
  credential_rejected: { status: 'unknown', reason: 'credential_rejected', fault: 'connection' },
  provider_unreachable: { status: 'unknown', reason: 'provider_unreachable', fault: 'provider' },
};

/** What is held of an account's health. */
export interface Standing {
  readonly verdict: Verdict;
  /** When its provider last gave a good look at it. */
  readonly lookedAt: Date;
}

/**
 * What can bear on it: a good look, a call that failed, our key confirmed as rejected, or nothing
 * but time.
 */
export type Evidence =
  | { readonly kind: 'look'; readonly verdict: Verdict; readonly at: Date }
  | { readonly kind: 'failed_call' }
  | { readonly kind: 'credential_rejected' }
  | { readonly kind: 'time' };

/** What decides how long a look counts. */
export interface Patience {
  readonly sweepIntervalSeconds: number;
  /** The provider's outage: under way, over since then, or none that is known. */
  readonly incident: 'open' | Date | null;
}

/**
 * The verdict as a pure function of the last one, the evidence and the clock. A look that is
 * younger than the last decides; a call that failed decides nothing; a rejected key and silence
 * make it unknown, until the next good look.
 */
export function judge(
  standing: Standing,
  evidence: Evidence,
  now: Date,
  patience: Patience,
): Standing {
  if (evidence.kind === 'look') {
    return evidence.at < standing.lookedAt
      ? standing
      : { verdict: evidence.verdict, lookedAt: evidence.at };
  }
  if (evidence.kind === 'credential_rejected')
    return { ...standing, verdict: ABSENT.credential_rejected };
  const oldest = oldestThatCounts(now, patience);
  return oldest === null || standing.lookedAt >= oldest
    ? standing
    : { ...standing, verdict: ABSENT.provider_unreachable };
}

/**
 * Looks from before this no longer hold a verdict up. `null`: all do, as the provider's outage is
 * known and told of once for all, or has been over for too short a time for every account to have
 * been looked at again.
 */
export function oldestThatCounts(
  now: Date,
  { sweepIntervalSeconds, incident }: Patience,
): Date | null {
  const oldest = new Date(now.getTime() - STANDS_FOR_INTERVALS * sweepIntervalSeconds * 1000);
  if (incident === 'open' || (incident !== null && incident >= oldest)) return null;
  return oldest;
}
