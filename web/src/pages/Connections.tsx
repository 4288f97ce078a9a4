import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type LinkProps, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../lib/action';
import { api, type Connection } from '../lib/api';
import { useMay } from '../lib/session';
import { Age, span } from '../ui/Age';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { providersQuery } from '../ui/Incidents';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty, Problem, Skeleton } from '../ui/Problem';
import { Status, words } from '../ui/Status';
import type { Column } from '../ui/Table';
import { Identity } from './Accounts';
import { Credentials, credentialsIn } from './Credentials';

const COLUMNS: readonly Column<Connection>[] = [
  {
    id: 'name',
    header: 'Connection',
    width: 'minmax(200px, 1.6fr)',
    cell: ({ name, provider }) => <Identity name={name} sub={provider} />,
  },
  {
    id: 'state',
    header: 'Key',
    width: 'minmax(150px, 1fr)',
    isBeside: true,
    cell: ({ state, paused }) => (
      <span className="row">
        <Status
          state={state === 'active' ? 'accepted' : state}
          tone={state === 'active' ? 'ok' : 'bad'}
        />
        {paused && <Status state="paused" />}
      </span>
    ),
  },
  {
    id: 'swept',
    header: 'Last whole sweep',
    width: 'minmax(156px, 0.8fr)',
    from: 640,
    isBeside: true,
    cell: ({ swept_at }) => <Age at={swept_at} />,
  },
  {
    id: 'next',
    header: 'Next sweep',
    width: 'minmax(110px, 0.7fr)',
    from: 760,
    cell: ({ next_sweep_at, paused }) =>
      paused ? <span className="quiet">paused</span> : <Age at={next_sweep_at} />,
  },
  {
    id: 'interval',
    header: 'Every',
    width: 'minmax(80px, 0.5fr)',
    from: 900,
    cell: ({ sweep_interval_seconds }) => span(sweep_interval_seconds),
  },
  {
    id: 'error',
    header: 'Last error',
    width: 'minmax(180px, 1.6fr)',
    from: 1000,
    cell: ({ last_error }) =>
      last_error ? (
        <span className="truncate tone-bad" title={last_error.message}>
          {last_error.message}
        </span>
      ) : (
        <span className="quiet">–</span>
      ),
  },
  {
    id: 'source',
    header: 'Made by',
    width: 'minmax(100px, 0.6fr)',
    from: 1100,
    cell: ({ source }) => words(source),
  },
];

/** All connections, and the form that adds one. */
export function Connections() {
  const may = useMay('admin');
  const [adding, add] = useState(false);
  const button = may && (
    <button type="button" className="button primary" onClick={() => add(true)}>
      <Icon name="plus" />
      Add a connection
    </button>
  );
  const listing: Listing<'/v1/connections'> = {
    title: 'Connections',
    noun: 'connection',
    path: '/v1/connections',
    columns: COLUMNS,
    rowId: ({ id }) => id,
    link: ({ id }) => ({ to: '/connections/$id', params: { id } }) as unknown as LinkProps,
    moves: [
      'connection.created',
      'connection.deleted',
      'connection.credential_rejected',
      'connection.recovered',
    ],
    empty: (
      <Empty icon="connections" title="No provider is connected">
        <p>Add the key of a provider; a sweep then lists the accounts that it holds.</p>
        {button}
      </Empty>
    ),
  };
  return (
    <>
      <ListPage listing={listing} actions={button} />
      {adding && <Add close={() => add(false)} />}
    </>
  );
}

/** The provider checks the credentials before the connection is kept. */
function Add({ close }: { readonly close: () => void }) {
  const providers = useQuery(providersQuery);
  const [id, setId] = useState<string>();
  const client = useQueryClient();
  const navigate = useNavigate();
  const chosen = providers.data?.find((provider) => provider.id === id) ?? providers.data?.[0];
  const add = useAction({
    mutationFn: async (form: FormData) => {
      const name = String(form.get('name') ?? '').trim();
      const credentials = credentialsIn(form, chosen);
      return (
        await api.POST('/v1/connections', {
          body: {
            provider: chosen?.id ?? '',
            credentials,
            ...(name !== '' && { name }),
            ...(form.get('unchecked') !== null && { verify: false }),
          },
        })
      ).data?.data;
    },
    onSuccess: (connection) => {
      void client.resetQueries({ queryKey: ['list', '/v1/connections'] });
      close();
      if (connection) void navigate({ to: '/connections/$id', params: { id: connection.id } });
    },
  });
  return (
    <Dialog title="Add a connection" close={close}>
      {providers.isError && <Problem error={providers.error} retry={providers.refetch} />}
      {chosen === undefined ? (
        <Skeleton />
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            add.mutate(new FormData(event.currentTarget));
          }}
        >
          <Field label="Provider" hint={`Platforms: ${chosen.platforms.join(', ')}`}>
            {(ids) => (
              <select
                {...ids}
                className="select"
                value={chosen.id}
                onChange={({ target }) => setId(target.value)}
              >
                {providers.data?.map((provider) => (
                  <option key={provider.id} value={provider.id}>
                    {provider.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Credentials provider={chosen} />
          <Field label="Name" hint="When left empty, the provider’s.">
            {(ids) => <input {...ids} name="name" className="input" maxLength={100} />}
          </Field>
          <label className="row">
            <input type="checkbox" name="unchecked" />
            Keep it without a check at the provider
          </label>
          {add.isError && <Problem error={add.error} />}
          <div className="row dialog-foot">
            <button type="button" className="button" onClick={close}>
              Cancel
            </button>
            <button type="submit" className="button primary" disabled={add.isPending}>
              {add.isPending ? 'Checking …' : 'Check and add'}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
