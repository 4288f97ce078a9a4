import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { page } from '../lib/api';
import { loaded } from '../lib/loaded';
import { useSession } from '../lib/session';
import { Section } from '../ui/Field';
import { useListQuery } from '../ui/ListPage';
import { Problem, Skeleton } from '../ui/Problem';
import { HEALTHS } from './Accounts';
import { levelsOf, RANGES, type Range, type Series, sumOf } from './levels';

const LevelsChart = lazy(loaded(() => import('./LevelsChart')));

const MAX_TEAMS = 20;
const TALL = 170;
const LOW = 104;
/** The levels of an hour change while it runs. */
const REFRESH_MS = 60_000;

/** The levels of each team, which the root key alone sees. */
async function levelsByTeam(range: Range): Promise<readonly Series[]> {
  const { data } = await page('/v1/teams', { limit: String(MAX_TEAMS) });
  if (data.length < 2) return [];
  return Promise.all(data.map(async ({ id, name }) => sumOf(name, await levelsOf(range, id))));
}

/** How many accounts were how, by provider and, for the root key, by team. */
export function HealthOverTime() {
  const [search, change] = useListQuery();
  const range = RANGES.find(([name]) => name === search.range)?.[0] ?? '24h';
  const isRoot = useSession().data?.key.is_root === true;
  const providers = useQuery({
    queryKey: ['overview', 'levels', range],
    queryFn: () => levelsOf(range),
    refetchInterval: REFRESH_MS,
  });
  const teams = useQuery({
    queryKey: ['overview', 'levels', 'teams', range],
    queryFn: () => levelsByTeam(range),
    refetchInterval: REFRESH_MS,
    enabled: isRoot,
  });
  const chosen = (
    <select
      className="select"
      aria-label="Time shown"
      value={range}
      onChange={({ target }) =>
        change({ range: target.value === '24h' ? undefined : target.value })
      }
    >
      {RANGES.map(([name, label]) => (
        <option key={name} value={name}>
          {label}
        </option>
      ))}
    </select>
  );
  return (
    <Section title="Health over time" action={chosen}>
      {providers.isError ? (
        <Problem error={providers.error} retry={providers.refetch} />
      ) : providers.data === undefined ? (
        <Skeleton lines={6} />
      ) : providers.data.length === 0 ? (
        <p className="quiet">
          Not known yet: it is noted every minute once a provider is connected.
        </p>
      ) : (
        <>
          <Chart series={sumOf('All accounts', providers.data)} range={range} height={TALL} />
          <Grid title="By provider" series={providers.data} range={range} />
          {teams.isError && <Problem error={teams.error} retry={teams.refetch} />}
          {teams.data && <Grid title="By team" series={teams.data} range={range} />}
          <p className="legend quiet small">
            {HEALTHS.map((name) => (
              <span key={name}>
                <span className={`swatch is-${name}`} />
                {name}
              </span>
            ))}
            <span>
              <span className="swatch nobody" />
              not checked
            </span>
          </p>
        </>
      )}
    </Section>
  );
}

function Grid({
  title,
  series,
  range,
}: {
  readonly title: string;
  readonly series: readonly Series[];
  readonly range: Range;
}) {
  if (series.length < 2) return null;
  return (
    <>
      <h3>{title}</h3>
      <div className="small-charts">
        {series.map((one) => (
          <figure key={one.name} className="stack tight">
            <figcaption className="small truncate">{one.name}</figcaption>
            <Chart series={one} range={range} height={LOW} />
          </figure>
        ))}
      </div>
    </>
  );
}

function Chart(props: { readonly series: Series; readonly range: Range; readonly height: number }) {
  return (
    <Suspense fallback={<div className="chart" style={{ height: props.height }} />}>
      <LevelsChart {...props} />
    </Suspense>
  );
}
