import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type Account, page, type RollcallEvent } from '../lib/api';
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

/** How many pages of the feed are looked through, newest events last. */
const MAX_PAGES = 10;

/** The account's events of the last pages of the feed. */
async function eventsOf(id: string): Promise<readonly RollcallEvent[]> {
  const found: RollcallEvent[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { data, pagination } = await page('/v1/events', {
      limit: '200',
      type: 'account.*',
      after,
    });
    found.push(...data.filter((event) => event.account_id === id));
    if (!pagination.has_next || pagination.next_cursor === null) break;
    after = pagination.next_cursor;
  }
  return found.reverse();
}

export function AccountEvents({ account }: { readonly account: Account }) {
  const events = useQuery({
    queryKey: ['account', account.id, 'events'],
    queryFn: () => eventsOf(account.id),
  });
  if (events.isError) return <Problem error={events.error} retry={events.refetch} />;
  if (events.data === undefined) return <Skeleton />;
  if (events.data.length === 0)
    return (
      <p className="quiet">
        The oldest {MAX_PAGES * 200} events of the feed have none of this account.
      </p>
    );
  return (
    <ol className="timeline">
      {events.data.map((event) => (
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
