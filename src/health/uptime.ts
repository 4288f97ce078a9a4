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

const DAY_MS = 86_400_000;

/**
 * @param current the status that holds now
 * @param transitions of at least the last 30 days, newest first
 * @param knownSince when the account was first seen
 */
export function uptimeOf(
  current: string,
  transitions: readonly Transition[],
  knownSince: Date,
  now: Date,
): Uptime {
  const over = (days: number) =>
    percentUp(
      current,
      transitions,
      Math.max(knownSince.getTime(), now.getTime() - days * DAY_MS),
      now.getTime(),
    );
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

function percentUp(
  current: string,
  transitions: readonly Transition[],
  from: number,
  to: number,
): number | null {
  let [up, known] = [0, 0];
  const count = (status: string | null, start: number, end: number) => {
    const duration = Math.max(0, end - Math.max(start, from));
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
