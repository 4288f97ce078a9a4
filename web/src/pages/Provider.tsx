import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { api, type Provider } from '../lib/api';
import { Age, span } from '../ui/Age';
import { CopyText } from '../ui/Copy';
import { Facts, Section } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { Problem, Skeleton } from '../ui/Problem';
import { Count, Fact, Status, words } from '../ui/Status';

/** One provider: live state, incident, and what it can do. */
export function ProviderPage() {
  const { id = '' } = useParams({ strict: false });
  const provider = useQuery({
    queryKey: ['provider', id],
    queryFn: async () =>
      (await api.GET('/v1/providers/{provider}', { params: { path: { provider: id } } })).data
        ?.data,
    refetchInterval: 15_000,
  });
  const { data } = provider;
  return (
    <div className="page">
      <Link to="/providers" className="crumb">
        <Icon name="left" size={12} />
        Providers
      </Link>
      {provider.isError && <Problem error={provider.error} retry={provider.refetch} />}
      {data === undefined ? (
        !provider.isError && <Skeleton lines={8} />
      ) : (
        <>
          <header className="page-head">
            <div className="row wrap">
              <h1>{data.name}</h1>
              <Status state={data.state.status} />
            </div>
            <a className="button" href={data.docs_url} rel="noreferrer" target="_blank">
              <Icon name="external" />
              Documentation
            </a>
          </header>
          {data.state.incident && (
            <div className="notice tone-bad">
              <Icon name="unhealthy" />
              <div className="grow stack tight">
                <strong>
                  An incident has been open since <Age at={data.state.incident.opened_at} />
                </strong>
                <span>{data.state.incident.error ?? 'It does not answer.'}</span>
                <span className="small">
                  <CopyText text={data.state.incident.id} what="id" />
                </span>
              </div>
            </div>
          )}
          <div className="tiles">
            {(['5m', '24h'] as const).map((window) => (
              <div key={window} className="tile">
                <span className="quiet small">Success, {window}</span>
                <span className="figure">
                  <Count value={data.state.success_rate[window]} unit=" %" />
                </span>
              </div>
            ))}
            {(['p50', 'p95', 'p99'] as const).map((part) => (
              <div key={part} className="tile">
                <span className="quiet small">Latency {part}, 24 h</span>
                <span className="figure">
                  <Count value={data.state.latency_ms['24h']?.[part]} unit=" ms" />
                </span>
              </div>
            ))}
          </div>
          <Section
            title="Now"
            action={
              <Link to="/accounts" search={{ provider: id } as never}>
                Its accounts
              </Link>
            }
          >
            <Facts
              facts={[
                ['State since', <Age key="s" at={data.state.since} none="always" />],
                ['Last success', <Age key="o" at={data.state.last_success_at} />],
                ['Last failure', <Age key="f" at={data.state.last_failure_at} />],
                ['Last error', data.state.last_error ?? '–'],
                ...Object.entries(data.state.circuits).map(
                  ([name, circuit]) =>
                    [
                      `Circuit: ${name}`,
                      <Status
                        key={name}
                        state={String(circuit)}
                        tone={circuit === 'closed' ? 'plain' : 'bad'}
                      />,
                    ] as const,
                ),
              ]}
            />
          </Section>
          <PastIncidents provider={data} />
          <Section title="What a disconnect does">
            <div className="row wrap">
              <Fact value={data.disconnect.destroys_data} yes="Destroys data" no="Keeps data" bad />
              <Fact
                value={data.disconnect.revokes_token}
                yes="Revokes the token"
                no="Leaves the token"
              />
              <Fact
                value={data.disconnect.reversible}
                yes="Reversible"
                no="Irreversible"
                bad={false}
              />
            </div>
            <p className="quiet">{data.disconnect.how_to_reconnect}</p>
          </Section>
          <Section title="What it offers">
            <Facts
              facts={[
                ['Role', words(data.role)],
                ['Platforms', data.platforms.join(', ')],
                ['Operations', data.operations.join(', ')],
                ['Connecting', data.connect?.instructions ?? 'with POST /v1/accounts'],
              ]}
            />
          </Section>
        </>
      )}
    </div>
  );
}

/** When it was away in the last 90 days, newest first. */
function PastIncidents({ provider }: { readonly provider: Provider }) {
  const { incidents } = provider.state;
  return (
    <Section title="Incidents of the last 90 days">
      {incidents.length === 0 ? (
        <p className="quiet">None.</p>
      ) : (
        <ol className="timeline">
          {incidents.map(({ id, opened_at, closed_at, error }) => (
            <li key={id}>
              <Status
                state={closed_at === null ? 'under way' : 'over'}
                tone={closed_at === null ? 'bad' : 'plain'}
              />
              <span className="grow truncate quiet">{error ?? 'It did not answer.'}</span>
              <span className="quiet small nowrap">
                {closed_at !== null &&
                  `for ${span((Date.parse(closed_at) - Date.parse(opened_at)) / 1000)} · `}
                <Age at={opened_at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}
