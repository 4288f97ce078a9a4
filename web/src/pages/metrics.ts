import { type Account, api } from '../lib/api';

export const FIGURES = [
  ['followers', 'Followers', ''],
  ['following', 'Following', ''],
  ['posts', 'Posts', ''],
  ['views', 'Views', ''],
  ['engagement_rate', 'Engagement', ' %'],
  ['growth_rate_30d', 'Growth, 30 d', ' %'],
] as const satisfies readonly (readonly [keyof Account['metrics'], string, string])[];
export type Figure = (typeof FIGURES)[number][0];

export const DAY_MS = 86_400_000;

export const SPANS = [
  ['2d', 'Last 2 days', 2, 'hour'],
  ['30d', 'Last 30 days', 30, 'day'],
  ['13m', 'Last 13 months', 396, 'day'],
] as const;
export type Span = (typeof SPANS)[number][0];

/** The metrics of an account from when on; each holds until the next. */
export interface Samples {
  readonly from: number;
  readonly to: number;
  /** Oldest first; the first may lie before `from`, and holds at it. */
  readonly samples: readonly (Account['metrics'] & { readonly at: string })[];
}

/** What is stored of the account's metrics. */
export async function samplesOf(id: string, span: Span): Promise<Samples> {
  const [, , days, step] = SPANS.find(([name]) => name === span) ?? SPANS[1];
  const to = Date.now();
  const from = to - days * DAY_MS;
  const { data } = await api.GET('/v1/accounts/{id}/metrics', {
    params: {
      path: { id },
      query: { from: new Date(from).toISOString(), to: new Date(to).toISOString(), step },
    },
  });
  const { before = null, samples = [] } = data?.data ?? {};
  return { from, to, samples: before === null ? samples : [before, ...samples] };
}
