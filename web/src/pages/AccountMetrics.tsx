import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { Account } from '../lib/api';
import { loaded } from '../lib/loaded';
import { useListQuery } from '../ui/ListPage';
import { Problem, Skeleton } from '../ui/Problem';
import { FIGURES, SPANS, samplesOf } from './metrics';

const MetricsChart = lazy(loaded(() => import('./MetricsChart')));

/** One figure of an account over time: which and how long stands in the address. */
export function AccountMetrics({ account }: { readonly account: Account }) {
  const [search, change] = useListQuery();
  const figure = FIGURES.find(([name]) => name === search.figure)?.[0] ?? 'followers';
  const span = SPANS.find(([name]) => name === search.span)?.[0] ?? '30d';
  const samples = useQuery({
    queryKey: ['account', account.id, 'metrics', span],
    queryFn: () => samplesOf(account.id, span),
  });
  return (
    <>
      <div className="row wrap no-print">
        <select
          className="select"
          aria-label="Figure shown"
          value={figure}
          onChange={({ target }) => change({ figure: target.value })}
        >
          {FIGURES.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
        <select
          className="select"
          aria-label="Time shown"
          value={span}
          onChange={({ target }) => change({ span: target.value })}
        >
          {SPANS.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {samples.isError ? (
        <Problem error={samples.error} retry={samples.refetch} />
      ) : samples.data === undefined ? (
        <Skeleton lines={6} />
      ) : samples.data.samples.every((sample) => sample[figure] === null) ? (
        <p className="quiet">{account.provider} has not reported it in this time.</p>
      ) : (
        <Suspense fallback={<Skeleton lines={6} />}>
          <MetricsChart samples={samples.data} figure={figure} />
        </Suspense>
      )}
      <p className="quiet small">
        Each value holds until the provider reports another. Hours are kept for 30 days, days for
        thirteen months.
      </p>
    </>
  );
}
