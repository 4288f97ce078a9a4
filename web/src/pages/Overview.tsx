import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import { api, type Page, page } from '../lib/api';
import { useEvents } from '../lib/live';
import { loaded } from '../lib/loaded';
import { few } from '../lib/queries';
import { Age } from '../ui/Age';
import { Section } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { providersQuery } from '../ui/Incidents';
import { Empty, Problem, Skeleton } from '../ui/Problem';
import { Bar, Health, Status, words } from '../ui/Status';
import { HEALTHS, nameOf } from './Accounts';
import { HealthOverTime } from './OverviewLevels';
import { TeamsHealth } from './OverviewTeams';

const loadChanges = loaded(() => import('./changes'));
const ChangesChart = lazy(loaded(() => import('./ChangesChart')));

const TONES = { healthy: 'ok', warning: 'warn', unhealthy: 'bad', unknown: 'unknown' } as const;
type Summary = Readonly<Record<string, number>>;
const SHOWN = '6';
/** Verdicts that stand without a good look. */
const OLD = 'not_checked,provider_unreachable,data_stale,answer_unreadable,credential_rejected';
const DAY_MS = 86_400_000;

export function HealthBar({
  summary,
  label,
}: {
  readonly summary: Summary;
  readonly label: string;
}) {
  return (
    <Bar
      label={label}
      parts={HEALTHS.map((name) => ({ tone: TONES[name], name, count: summary[name] ?? 0 }))}
    />
  );
}

/** How many accounts are how, by provider. */
async function healthByProvider() {
  const providers = (await api.GET('/v1/providers', { params: { query: { limit: 200 } } })).data
    ?.data;
  const [all, ...each] = await Promise.all([
    page('/v1/accounts/health', { limit: '1' }),
    ...(providers ?? []).map(({ id }) => page('/v1/accounts/health', { limit: '1', provider: id })),
  ]);
  return {
    all: all?.summary ?? {},
    each: (providers ?? []).map(({ id, name }, index) => ({
      id,
      name,
      summary: each[index]?.summary ?? {},
    })),
  };
}

/** The state of everything at a glance; each figure leads to what it counts. */
export function Overview() {
  const health = useQuery({ queryKey: ['overview'], queryFn: healthByProvider });
  const changes = useQuery({
    queryKey: ['overview', 'changes'],
    queryFn: async () => (await loadChanges()).changesSince(Date.now() - DAY_MS),
  });
  useEvents((event) => {
    if (event === 'gap' || event.type.startsWith('account.')) {
      if (!health.isFetching) void health.refetch();
      if (!changes.isFetching) void changes.refetch();
    }
  });
  if (health.isError)
    return (
      <div className="page">
        <h1>Overview</h1>
        <Problem error={health.error} retry={health.refetch} />
      </div>
    );
  const { all, each } = health.data ?? { all: undefined, each: [] };
  if (all?.total === 0)
    return (
      <Empty icon="connections" title="No account yet">
        <p>Connect a provider, and its next sweep lists the accounts that it holds.</p>
        <Link to="/connections" className="button primary">
          Add a connection
        </Link>
      </Empty>
    );
  return (
    <div className="page">
      <header className="page-head">
        <h1>Overview</h1>
        {health.dataUpdatedAt > 0 && (
          <span className="quiet small">
            as of <Age at={new Date(health.dataUpdatedAt).toISOString()} />
          </span>
        )}
      </header>
      <section className="card" aria-label="Health of all accounts">
        <div className="tiles totals">
          <Link to="/accounts" className="total">
            <span className="health-text quiet">Accounts</span>
            <span className="figure big number">{all?.total?.toLocaleString() ?? '…'}</span>
          </Link>
          {HEALTHS.map((name) => (
            <Link key={name} to="/accounts" search={{ health: name } as never} className="total">
              <span className="small">
                <Health status={name} />
              </span>
              <span className="figure big number">{all?.[name]?.toLocaleString() ?? '…'}</span>
            </Link>
          ))}
        </div>
        {all && <HealthBar summary={all} label="All accounts" />}
      </section>
      <div className="columns">
        <div className="stack">
          <HealthOverTime />
          <Section title="Changes of health in the last day">
            {changes.isError ? (
              <Problem error={changes.error} retry={changes.refetch} />
            ) : changes.data === undefined ? (
              <Skeleton />
            ) : changes.data.length === 0 ? (
              <p className="quiet">No verdict has changed.</p>
            ) : (
              <>
                <Suspense fallback={<div className="chart" />}>
                  <ChangesChart changes={changes.data} />
                </Suspense>
                <ol className="timeline">
                  {changes.data
                    .slice(-5)
                    .reverse()
                    .map((change) => (
                      <li key={change.id}>
                        <Health status={change.to} reason={change.reason} />
                        <Link
                          to="/accounts/$id"
                          params={{ id: change.account_id }}
                          search={{ tab: 'health' } as never}
                          className="truncate grow"
                        >
                          {change.ref}
                        </Link>
                        <span className="quiet small">
                          <Age at={change.at} />
                        </span>
                      </li>
                    ))}
                </ol>
              </>
            )}
          </Section>
          <Section title="By provider" action={<Link to="/providers">Providers</Link>}>
            {health.data === undefined ? (
              <Skeleton lines={6} />
            ) : (
              <ul className="by-provider">
                {each.map(({ id, name, summary }) => (
                  <li key={id}>
                    <Link to="/accounts" search={{ provider: id } as never} className="truncate">
                      {name}
                    </Link>
                    <HealthBar summary={summary} label={name} />
                    <span className="number quiet">{(summary.total ?? 0).toLocaleString()}</span>
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <TeamsHealth />
        </div>
        <div className="stack">
          <Incidents />
          <Few
            title="To check first"
            query={few('/v1/accounts', {
              health: 'unhealthy',
              order_by: 'health_since',
              limit: SHOWN,
            })}
            none="No account is unhealthy."
            link={
              <Link to="/accounts" search={{ health: 'unhealthy' } as never}>
                All unhealthy
              </Link>
            }
          />
          <Few
            title="Oldest verdicts"
            query={few('/v1/accounts', {
              reason: OLD,
              order_by: 'health_since',
              order_direction: 'asc',
              limit: SHOWN,
            })}
            none="Every account was checked on schedule."
            link={
              <Link
                to="/accounts"
                search={{ reason: OLD, order_by: 'health_since', order_direction: 'asc' } as never}
              >
                All of them
              </Link>
            }
          />
          <Sweeps />
        </div>
      </div>
    </div>
  );
}

function Few({
  title,
  query,
  none,
  link,
}: {
  readonly title: string;
  readonly query: ReturnType<typeof few>;
  readonly none: string;
  readonly link: ReactNode;
}) {
  const list = useQuery(query);
  const accounts = (list.data as Page<Parameters<typeof nameOf>[0] & AccountLike> | undefined)
    ?.data;
  return (
    <Section title={title} action={link}>
      {list.isError ? (
        <Problem error={list.error} retry={list.refetch} />
      ) : accounts === undefined ? (
        <Skeleton lines={4} />
      ) : accounts.length === 0 ? (
        <p className="quiet">{none}</p>
      ) : (
        <ul className="timeline">
          {accounts.map((account) => (
            <li key={account.id}>
              <Health status={account.health.status} reason={account.health.reason} />
              <Link to="/accounts/$id" params={{ id: account.id }} className="grow truncate at-end">
                {nameOf(account)}
              </Link>
              <span className="quiet small">
                <Age at={account.health.checked_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

interface AccountLike {
  readonly id: string;
  readonly health: {
    readonly status: string;
    readonly reason: string | null;
    readonly checked_at: string;
  };
}

function Incidents() {
  const providers = useQuery(providersQuery);
  const disconnects = useQuery(
    few('/v1/disconnects', { state: 'running,awaiting_approval,scheduled', limit: SHOWN }),
  );
  const findings = useQuery(few('/v1/findings', { limit: '1', include_total: 'true' }));
  const troubled = providers.data?.filter(({ state }) => state.status !== 'operational');
  const going = (disconnects.data?.data ?? []) as readonly { id: string; state: string }[];
  return (
    <Section title="Now">
      <ul className="timeline">
        <li>
          <Icon name="providers" />
          <Link to="/providers" className="grow">
            Providers
          </Link>
          {troubled === undefined ? (
            <span className="quiet">…</span>
          ) : troubled.length === 0 ? (
            <Status state="operational" />
          ) : (
            troubled.map(({ id, name, state }) => (
              <Status key={id} state={`${name} ${state.status}`} tone="bad" />
            ))
          )}
        </li>
        <li>
          <Icon name="findings" />
          <Link to="/findings" className="grow">
            Open findings
          </Link>
          <span className="number strong">
            {findings.data?.pagination.total_count?.toLocaleString() ?? '…'}
          </span>
        </li>
        <li>
          <Icon name="disconnects" />
          <Link to="/disconnects" className="grow">
            Disconnects under way
          </Link>
          <span className="number strong">{disconnects.data ? going.length : '…'}</span>
        </li>
      </ul>
    </Section>
  );
}

function Sweeps() {
  const connections = useQuery(few('/v1/connections', { limit: '50' }));
  const rows = [
    ...((connections.data?.data ?? []) as readonly {
      id: string;
      name: string;
      swept_at: string | null;
      state: string;
      paused: boolean;
    }[]),
  ].sort((one, other) => (one.swept_at ?? '').localeCompare(other.swept_at ?? ''));
  return (
    <Section title="Sweeps, longest ago first" action={<Link to="/connections">Connections</Link>}>
      {connections.isError ? (
        <Problem error={connections.error} retry={connections.refetch} />
      ) : connections.data === undefined ? (
        <Skeleton lines={4} />
      ) : (
        <ul className="timeline">
          {rows.slice(0, 6).map(({ id, name, swept_at, state, paused }) => (
            <li key={id}>
              <Link to="/connections/$id" params={{ id }} className="grow truncate">
                {name}
              </Link>
              {state !== 'active' && <Status state={words(state)} tone="bad" />}
              {paused && <Status state="paused" />}
              <span className="quiet small">
                <Age at={swept_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
