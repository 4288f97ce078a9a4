/** Without a failure for this long, and with a success since, an outage is over. */
const QUIET_MS = 60_000;

/** A provider's latest outage. */
export interface KnownIncident {
  readonly closedAt: Date | null;
  readonly lastFailureAt: Date;
}

/** How one replica finds a provider. */
interface ProviderView {
  readonly circuit: 'closed' | 'open' | 'half_open';
  readonly lastSuccessAt: Date | null;
  readonly lastFailureAt: Date | null;
}

/**
 * What becomes of a provider's latest incident, as a pure function. It opens with the circuit,
 * once; replicas that have not asked since know nothing and change nothing; failures keep it open,
 * and it closes when a minute has passed without any.
 */
export function incidentStep(
  latest: KnownIncident | null,
  view: ProviderView,
  now: Date,
): 'open' | 'prolong' | 'close' | 'leave' {
  const { circuit, lastSuccessAt, lastFailureAt } = view;
  if (latest === null || latest.closedAt !== null) {
    const isNew =
      lastFailureAt !== null && (latest?.closedAt == null || lastFailureAt > latest.closedAt);
    return circuit !== 'closed' && isNew ? 'open' : 'leave';
  }
  if (lastFailureAt !== null && lastFailureAt > latest.lastFailureAt) return 'prolong';
  const isQuiet = now.getTime() - latest.lastFailureAt.getTime() >= QUIET_MS;
  const works =
    circuit === 'closed' && lastSuccessAt !== null && lastSuccessAt > latest.lastFailureAt;
  return isQuiet && works ? 'close' : 'leave';
}
