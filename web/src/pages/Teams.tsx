import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useAction } from '../lib/action';
import { actFor, api, type Team } from '../lib/api';
import { useMay, useSession } from '../lib/session';
import { Age } from '../ui/Age';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty, Problem } from '../ui/Problem';
import type { Column } from '../ui/Table';
import { Identity } from './Accounts';

const COLUMNS: readonly Column<Team>[] = [
  {
    id: 'name',
    header: 'Team',
    width: 'minmax(220px, 2fr)',
    cell: ({ name, id }) => <Identity name={name} sub={id} />,
  },
  {
    id: 'created_at',
    header: 'Made',
    width: 'minmax(120px, 0.8fr)',
    from: 640,
    isBeside: true,
    cell: ({ created_at }) => <Age at={created_at} />,
  },
  {
    id: 'act',
    header: 'Act for it',
    width: 'minmax(120px, 0.8fr)',
    isBeside: true,
    cell: ({ id, name }) => (
      <button
        type="button"
        className="link"
        aria-label={`Act for it: ${name}`}
        onClick={() => actFor(id)}
      >
        Act for it
      </button>
    ),
  },
];

const LISTING: Listing<'/v1/teams'> = {
  title: 'Teams',
  noun: 'team',
  path: '/v1/teams',
  columns: COLUMNS,
  rowId: ({ id }) => id,
  empty: <Empty icon="teams" title="No team" />,
};

/** Teams, for the root key alone. */
export function Teams() {
  const may = useMay('admin');
  const session = useSession();
  const [making, make] = useState(false);
  const isRoot = session.data?.key.is_root === true;
  if (!isRoot)
    return (
      <div className="page">
        <h1>Teams</h1>
        <Empty icon="teams" title="Only the root key sees teams">
          <p>
            You are signed in for the team {session.data?.team.name}. Sign in with the root key to
            see others.
          </p>
        </Empty>
      </div>
    );
  return (
    <>
      <ListPage
        listing={LISTING}
        actions={
          may && (
            <button type="button" className="button primary" onClick={() => make(true)}>
              <Icon name="plus" />
              Make a team
            </button>
          )
        }
      />
      {making && <Make close={() => make(false)} />}
    </>
  );
}

function Make({ close }: { readonly close: () => void }) {
  const client = useQueryClient();
  const make = useAction({
    mutationFn: (name: string) => api.POST('/v1/teams', { body: { name } }),
    onSuccess: async () => {
      await client.resetQueries({ queryKey: ['list', '/v1/teams'] });
      close();
    },
  });
  return (
    <Dialog title="Make a team" close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate(String(new FormData(event.currentTarget).get('name') ?? '').trim());
        }}
      >
        <Field label="Name" hint="It sees nothing of other teams.">
          {(ids) => <input {...ids} name="name" className="input" required maxLength={100} />}
        </Field>
        {make.isError && <Problem error={make.error} />}
        <div className="row dialog-foot">
          <button type="submit" className="button primary" disabled={make.isPending}>
            Make it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
