import { api } from '../lib/api';

/** How many accounts were how at one moment; null: nobody looked then. */
export interface Level {
  readonly at: string;
  readonly total: number;
  readonly healthy: number;
  readonly warning: number;
  readonly unhealthy: number;
  readonly unknown: number;
}

/** The levels of a provider, of a team, or of all, oldest first. */
export interface Series {
  readonly name: string;
  readonly levels: readonly Level[];
}

export const RANGES = [
  ['24h', 'Last 24 hours', 24, 'hour'],
  ['7d', 'Last 7 days', 7 * 24, 'hour'],
  ['30d', 'Last 30 days', 30 * 24, 'day'],
] as const;
export type Range = (typeof RANGES)[number][0];

export const HOUR_MS = 3_600_000;

/** When a range begins and ends, and milliseconds between two of its levels. */
export function boundsOf(range: Range): { from: number; to: number; stepMs: number } {
  const [, , hours, step] = RANGES.find(([name]) => name === range) ?? RANGES[0];
  const stepMs = step === 'hour' ? HOUR_MS : 24 * HOUR_MS;
  const to = Math.floor(Date.now() / stepMs) * stepMs + stepMs;
  return { from: to - hours * HOUR_MS, to, stepMs };
}

/**
 * The levels of each provider that the key may see.
 * @param team another than the one that the page acts for: the root key's alone
 */
export async function levelsOf(range: Range, team?: string): Promise<readonly Series[]> {
  const { from, to, stepMs } = boundsOf(range);
  const { data } = await api.GET('/v1/health/levels', {
    params: {
      query: {
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        step: stepMs === HOUR_MS ? 'hour' : 'day',
      },
    },
    ...(team !== undefined && { headers: { 'Rollcall-Team': team } }),
  });
  return (data?.data.providers ?? []).map(({ provider, levels }) => ({ name: provider, levels }));
}

/** All of them together. Where one of several has no level, the sum is of those that have. */
export function sumOf(name: string, series: readonly Series[]): Series {
  const sums = new Map<string, Level>();
  for (const { levels } of series)
    for (const level of levels) {
      const sum = sums.get(level.at);
      sums.set(
        level.at,
        sum === undefined
          ? level
          : {
              at: level.at,
              total: sum.total + level.total,
              healthy: sum.healthy + level.healthy,
              warning: sum.warning + level.warning,
              unhealthy: sum.unhealthy + level.unhealthy,
              unknown: sum.unknown + level.unknown,
            },
      );
    }
  const levels = [...sums.values()].sort((one, other) => one.at.localeCompare(other.at));
  return { name, levels };
}
