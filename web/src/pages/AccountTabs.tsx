import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type Account, page } from '../lib/api';
import { Age } from '../ui/Age';
import { Problem, Skeleton } from '../ui/Problem';
import { Status, words } from '../ui/Status';
import { ProfileBody } from './Profile';

export function AccountProfile({ account }: { readonly account: Account }) {
  if (account.profile_id === null)
    return <p className="quiet">The account is disconnected and belongs to no profile.</p>;
  return (
    <>
      <Link to="/profiles/$id" params={{ id: account.profile_id }}>
        Open the profile
      </Link>
      <ProfileBody id={account.profile_id} />
    </>
  );
}

/** What happened to the account, newest first, as far as events are kept. */
export function AccountEvents({ account }: { readonly account: Account }) {
  const events = useInfiniteQuery({
    queryKey: ['account', account.id, 'events'],
    queryFn: ({ pageParam, signal }) =>
      page(
        '/v1/events',
        { account_id: account.id, order_direction: 'desc', limit: '50', after: pageParam },
        undefined,
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ pagination }) => pagination.next_cursor ?? undefined,
  });
  if (events.isError) return <Problem error={events.error} retry={events.refetch} />;
  if (events.data === undefined) return <Skeleton />;
  const found = events.data.pages.flatMap(({ data }) => data);
  if (found.length === 0)
    return <p className="quiet">The account has no event of the last 90 days.</p>;
  return (
    <>
      <ol className="timeline">
        {found.map((event) => (
          <li key={event.id}>
            <details className="grow">
              <summary className="row">
                <span>{words(event.type)}</span>
                <span className="quiet small push">
                  <Age at={event.timestamp} />
                </span>
              </summary>
              <pre className="quiet">{JSON.stringify(event.data, null, 2)}</pre>
            </details>
          </li>
        ))}
      </ol>
      {events.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={events.isFetchingNextPage}
          onClick={() => void events.fetchNextPage()}
        >
          {events.isFetchingNextPage ? 'Reading …' : 'Older events'}
        </button>
      )}
    </>
  );
}

export function AccountAudit({ account }: { readonly account: Account }) {
  const audit = useQuery({
    queryKey: ['account', account.id, 'audit'],
    queryFn: () => page('/v1/audit', { target_id: account.id, limit: '50' }),
  });
  if (audit.isError) return <Problem error={audit.error} retry={audit.refetch} />;
  if (audit.data === undefined) return <Skeleton />;
  if (audit.data.data.length === 0)
    return <p className="quiet">Nobody has done anything to this account.</p>;
  return (
    <ol className="timeline">
      {audit.data.data.map((entry) => (
        <li key={entry.id}>
          <Status state={entry.action} tone="plain" />
          <span className="truncate">{entry.actor?.name ?? 'Rollcall'}</span>
          <span className="quiet small push">
            <Age at={entry.at} />
          </span>
        </li>
      ))}
    </ol>
  );
}
