import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api, type BrowserSession } from '../lib/api';
import { Age } from '../ui/Age';
import { Confirm } from '../ui/Confirm';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty } from '../ui/Problem';
import { Status } from '../ui/Status';

const listing = (end: (session: BrowserSession) => void): Listing<'/v1/sessions'> => ({
  title: 'Sessions',
  noun: 'session',
  path: '/v1/sessions',
  rowId: ({ id }) => id,
  columns: [
    {
      id: 'key',
      header: 'Signed in with',
      width: 'minmax(240px, 1fr)',
      cell: ({ key, is_current }) => (
        <span className="row">
          <span className="strong truncate">{key.name}</span>
          {is_current && <Status state="this browser" tone="accent" />}
        </span>
      ),
    },
    {
      id: 'agent',
      header: 'Browser',
      width: 'minmax(220px, 2fr)',
      from: 640,
      cell: ({ user_agent }) => (
        <span className="truncate quiet" title={user_agent ?? ''}>
          {user_agent ?? 'not reported'}
        </span>
      ),
    },
    {
      id: 'used',
      header: 'Last used',
      width: 'minmax(100px, 0.6fr)',
      isBeside: true,
      from: 640,
      cell: ({ last_used_at }) => <Age at={last_used_at} />,
    },
    {
      id: 'expires',
      header: 'Ends',
      width: 'minmax(100px, 0.6fr)',
      from: 760,
      cell: ({ expires_at }) => <Age at={expires_at} />,
    },
    {
      id: 'created',
      header: 'Signed in',
      width: 'minmax(100px, 0.6fr)',
      from: 820,
      cell: ({ created_at }) => <Age at={created_at} />,
    },
    {
      id: 'end',
      header: 'End it',
      width: 'minmax(80px, 0.4fr)',
      isBeside: true,
      cell: (session) => (
        <button
          type="button"
          className="link"
          aria-label={`End the session of ${session.key.name}`}
          onClick={() => end(session)}
        >
          End …
        </button>
      ),
    },
  ],
  empty: <Empty icon="sessions" title="No browser is signed in" />,
});

/** The browsers that are signed in with the team's keys. */
export function Sessions() {
  const client = useQueryClient();
  const [ending, end] = useState<BrowserSession>();
  const list = useMemo(() => listing(end), []);
  return (
    <>
      <ListPage listing={list} />
      {ending && (
        <Confirm
          title="End this session"
          action="End it"
          close={() => end(undefined)}
          run={async () => {
            await api.DELETE('/v1/sessions/{id}', { params: { path: { id: ending.id } } });
            await client.resetQueries({ queryKey: ['list', '/v1/sessions'] });
          }}
        >
          <p>
            {ending.is_current
              ? 'It is the one of this browser: you sign in again.'
              : `The browser that signed in with ${ending.key.name} must sign in again.`}
          </p>
        </Confirm>
      )}
    </>
  );
}
