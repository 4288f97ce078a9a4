import type { Verdict } from '../model/index.js';

/**
 * How many sweep intervals a verdict stands without a good look; then it is unknown. Looks that were
 * tried and failed count against the provider from the first of them on. Looks that were due and
 * not tried count against the gateway, from when it was last started on. Neither counts while the
 * provider's outage is known.
 */
export const STANDS_FOR_INTERVALS = 3;

/** The verdicts that no look at an account gives, but the lack of one. */
export type AbsentVerdict = 'credential_rejected' | 'provider_unreachable' | 'not_checked';

export const ABSENT: Readonly<Record<AbsentVerdict, Verdict>> = {
  credential_rejected: { status: 'unknown', reason: 'credential_rejected', fault: 'connection' },
  provider_unreachable: { status: 'unknown', reason: 'provider_unreachable', fault: 'provider' },
  not_checked: { status: 'unknown', reason: 'not_checked', fault: 'gateway' },
};
