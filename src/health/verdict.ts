import type { Verdict } from '../model/index.js';

/**
 * A verdict stands this many sweep intervals after the last good look, and after the provider's
 * last outage; then it is unknown.
 */
export const STANDS_FOR_INTERVALS = 3;

/** The verdicts that no look at an account gives, but the lack of one. */
export type AbsentVerdict = 'credential_rejected' | 'provider_unreachable';

export const ABSENT: Readonly<Record<AbsentVerdict, Verdict>> = {
  credential_rejected: { status: 'unknown', reason: 'credential_rejected', fault: 'connection' },
  provider_unreachable: { status: 'unknown', reason: 'provider_unreachable', fault: 'provider' },
};
