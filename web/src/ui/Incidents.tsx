import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../lib/api';
import { useEvents } from '../lib/live';
import { Age } from './Age';
import { Icon } from './Icon';

/** The stream tells of incidents; of what is none yet, this. */
const POLL_MS = 20_000;

export const providersQuery = {
  queryKey: ['providers'],
  queryFn: async () =>
    (await api.GET('/v1/providers', { params: { query: { limit: 200 } } })).data?.data ?? [],
  refetchInterval: POLL_MS,
};

/** Says on every page that a provider does not answer as it should: what is shown may be old. */
export function Incidents() {
  const providers = useQuery(providersQuery);
  useEvents((event) => {
    if (event !== 'gap' && event.type.startsWith('provider.')) void providers.refetch();
  });
  const troubled = providers.data?.filter(({ state }) => state.status !== 'operational') ?? [];
  return troubled.map(({ id, name, state }) => (
    <div key={id} className="banner tone-warn no-print" role="status">
      <Icon name="warning" />
      <span>
        {name} is {state.status}
        {state.since && (
          <>
            {' '}
            since <Age at={state.since} />
          </>
        )}
        . What is shown of its accounts may be old.
      </span>
      <Link to="/providers/$id" params={{ id }}>
        Details
      </Link>
    </div>
  ));
}
