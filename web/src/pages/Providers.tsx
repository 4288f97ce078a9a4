import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Age } from '../ui/Age';
import { providersQuery } from '../ui/Incidents';
import { Problem, Skeleton } from '../ui/Problem';
import { Avatar, Count, Fact, Status } from '../ui/Status';

/** How each provider answers at the moment, and what a disconnect does there. */
export function Providers() {
  const providers = useQuery(providersQuery);
  return (
    <div className="page">
      <header className="page-head">
        <h1>Providers</h1>
        {providers.dataUpdatedAt > 0 && (
          <span className="quiet small">
            as of <Age at={new Date(providers.dataUpdatedAt).toISOString()} />
          </span>
        )}
      </header>
      {providers.isError && <Problem error={providers.error} retry={providers.refetch} />}
      {providers.isPending && <Skeleton lines={6} />}
      <ul className="cards-grid">
        {providers.data?.map(({ id, name, role, platforms, disconnect, state }) => (
          <li key={id} className="card">
            <div className="row">
              <Avatar name={name} />
              <div className="grow">
                <h2 className="truncate">
                  <Link to="/providers/$id" params={{ id }}>
                    {name}
                  </Link>
                </h2>
                <p className="quiet small">{role}</p>
              </div>
              <Status state={state.status} />
            </div>
            <div className="tiles">
              <div className="tile">
                <span className="quiet small">Success, 5 min</span>
                <span className="figure">
                  <Count value={state.success_rate['5m']} unit=" %" />
                </span>
              </div>
              <div className="tile">
                <span className="quiet small">Success, 24 h</span>
                <span className="figure">
                  <Count value={state.success_rate['24h']} unit=" %" />
                </span>
              </div>
            </div>
            <div className="row wrap">
              <Fact value={disconnect.destroys_data} yes="Destroys data" no="Keeps data" bad />
              <Fact value={disconnect.reversible} yes="Reversible" no="Irreversible" bad={false} />
            </div>
            <p className="quiet small">{platforms.join(', ')}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}
