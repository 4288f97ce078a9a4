import type { Verdict } from '../model/index.js';

/**
 * How many sweep intervals a verdict stands without a good look; then it is unknown. It is the
 * provider's silence once as many looks were tried and failed since the last good one, in as many
 * intervals from the first of them on. It is the gateway's once no look was tried for as long after
 * one was due. Neither counts while no gateway ran or the provider's outage is known.
 */
export const STANDS_FOR_INTERVALS = 3;

/** The verdicts that no look at an account gives, but the lack of one. */
export type AbsentVerdict = 'credential_rejected' | 'provider_unreachable' | 'not_checked';

export const ABSENT: Readonly<Record<AbsentVerdict, Verdict>> = {
  credential_rejected: { status: 'unknown', reason: 'credential_rejected', fault: 'connection' },
  provider_unreachable: { status: 'unknown', reason: 'provider_unreachable', fault: 'provider' },
  not_checked: { status: 'unknown', reason: 'not_checked', fault: 'gateway' },
};
