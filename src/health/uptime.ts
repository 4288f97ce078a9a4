/**
 * Percent of the known time in which an account was usable (healthy or with a warning); `null`:
 * nothing is known of that span.
 */
interface Uptime {
  readonly '24h': number | null;
  readonly '7d': number | null;
  readonly '30d': number | null;
}

interface Transition {
  readonly fromStatus: string | null;
  readonly toStatus: string;
  readonly at: Date;
}

/** When an account was there. */
export interface Presence {
  /** When it was first seen. */
  readonly since: Date;
  /** When it was disconnected; `null`: it is there. */
  readonly until: Date | null;
  /** The times in which it was disconnected and came back. */
  readonly absences: readonly { readonly from: Date; readonly to: Date }[];
}

const DAY_MS = 86_400_000;

/**
 * @param current the status that holds now, or held when the account was disconnected
 * @param transitions of at least the last 30 days, newest first
 */
export function uptimeOf(
  current: string,
  transitions: readonly Transition[],
  { since, until, absences }: Presence,
  now: Date,
): Uptime {
  const away = absences.map(({ from, to }) => [from.getTime(), to.getTime()] as const);
  if (until !== null) away.push([until.getTime(), now.getTime()]);
  const over = (days: number) => {
    const from = Math.max(since.getTime(), now.getTime() - days * DAY_MS);
    return percentUp(current, transitions, { from, to: now.getTime(), away });
  };
  return { '24h': over(1), '7d': over(7), '30d': over(30) };
}

/**
 * How long it took on average from unhealthy to usable again, of the recoveries among the
 * transitions; `null`: there was none. A spell that leads over `unknown` counts until it is known
 * to have ended.
 * @param transitions newest first
 */
export function meanTimeToRecoverySeconds(transitions: readonly Transition[]): number | null {
  const spells: number[] = [];
  let downSince: number | null = null;
  for (const { toStatus, at } of [...transitions].reverse()) {
    if (toStatus === 'unhealthy') downSince ??= at.getTime();
    if (downSince === null || (toStatus !== 'healthy' && toStatus !== 'warning')) continue;
    spells.push(at.getTime() - downSince);
    downSince = null;
  }
  return spells.length === 0
    ? null
    : Math.round(spells.reduce((sum, spell) => sum + spell, 0) / spells.length / 1000);
}

/** A span of time, and the parts of it that do not count, in milliseconds since 1970. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly away: readonly (readonly [number, number])[];
}

function percentUp(
  current: string,
  transitions: readonly Transition[],
  { from, to, away }: Span,
): number | null {
  let [up, known] = [0, 0];
  const count = (status: string | null, start: number, end: number) => {
    const begin = Math.max(start, from);
    const duration = away.reduce(
      (rest, [left, back]) => rest - Math.max(0, Math.min(end, back) - Math.max(begin, left)),
      Math.max(0, end - begin),
    );
    if (status !== null && status !== 'unknown') known += duration;
    if (status === 'healthy' || status === 'warning') up += duration;
  };
  let [end, status] = [to, current as string | null];
  for (const transition of transitions) {
    if (end <= from) break;
    const start = transition.at.getTime();
    count(status, start, end);
    [end, status] = [Math.min(end, start), transition.fromStatus];
  }
  count(status, from, end);
  return known === 0 ? null : Math.round((up / known) * 10_000) / 100;
}
