/** Without a failure for this long, and with a success since, an outage is over. */
const QUIET_MS = 60_000;

/** The latest outage of a provider at one site. */
export interface KnownIncident {
  readonly closedAt: Date | null;
  readonly lastFailureAt: Date;
}

/** How one replica finds a site. */
interface SiteView {
  /** Whether connections lead there. */
  readonly isUsed: boolean;
  readonly circuit: 'closed' | 'open' | 'half_open';
  readonly lastSuccessAt: Date | null;
  readonly lastFailureAt: Date | null;
}

/**
 * What becomes of a site's latest incident, as a pure function. It opens with the circuit, once;
 * replicas that have not asked since know nothing and change nothing; failures keep it open, and it
 * closes when a minute has passed without any, and it was seen to work or nobody asks it any more.
 */
export function incidentStep(
  latest: KnownIncident | null,
  view: SiteView,
  now: Date,
): 'open' | 'prolong' | 'close' | 'leave' {
  const { isUsed, circuit, lastSuccessAt, lastFailureAt } = view;
  if (latest === null || latest.closedAt !== null) {
    const isNew =
      lastFailureAt !== null && (latest?.closedAt == null || lastFailureAt > latest.closedAt);
    return circuit !== 'closed' && isNew ? 'open' : 'leave';
  }
  if (lastFailureAt !== null && lastFailureAt > latest.lastFailureAt) return 'prolong';
  const isQuiet = now.getTime() - latest.lastFailureAt.getTime() >= QUIET_MS;
  const works =
    circuit === 'closed' && lastSuccessAt !== null && lastSuccessAt > latest.lastFailureAt;
  return isQuiet && (works || !isUsed) ? 'close' : 'leave';
}
