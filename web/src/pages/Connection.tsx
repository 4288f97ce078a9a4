import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../lib/action';
import { api, type Connection, type Sweep } from '../lib/api';
import { useMay } from '../lib/session';
import { Age, span } from '../ui/Age';
import { Confirm } from '../ui/Confirm';
import { CopyText } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { Facts, Field, Section } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { providersQuery } from '../ui/Incidents';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty, Problem, Skeleton } from '../ui/Problem';
import { Count, Status } from '../ui/Status';
import type { Column } from '../ui/Table';
import { Credentials, credentialsIn } from './Credentials';

const NUMBERS = ['seen', 'added', 'changed', 'vanished', 'quarantined'] as const;
const SWEEPS: readonly Column<Sweep>[] = [
  {
    id: 'state',
    header: 'Sweep',
    width: 'minmax(116px, 0.8fr)',
    cell: ({ state }) => <Status state={state} />,
  },
  {
    id: 'begun',
    header: 'Started',
    width: 'minmax(104px, 0.8fr)',
    isBeside: true,
    cell: ({ started_at }) => <Age at={started_at} none="not yet" />,
  },
  {
    id: 'took',
    header: 'Took',
    width: 'minmax(64px, 0.5fr)',
    from: 760,
    cell: ({ started_at, finished_at }) =>
      started_at && finished_at
        ? span((Date.parse(finished_at) - Date.parse(started_at)) / 1000)
        : '–',
  },
  ...NUMBERS.map(
    (name): Column<Sweep> => ({
      id: name,
      header: name.charAt(0).toUpperCase() + name.slice(1),
      width: 'minmax(104px, 0.5fr)',
      isNumber: true,
      from: 640,
      cell: (sweep) => <Count value={sweep[name]} />,
    }),
  ),
  {
    id: 'notes',
    header: 'Not readable',
    width: 'minmax(132px, 1.8fr)',
    from: 900,
    cell: ({ error, degraded }) =>
      error ? (
        <span className="truncate tone-bad" title={error.message}>
          {error.message}
        </span>
      ) : degraded.length > 0 ? (
        <span
          className="truncate tone-warn"
          title={degraded.map(({ field, example }) => `${field}: ${example ?? ''}`).join('\n')}
        >
          {degraded.map(({ field, count }) => `${field} (${count})`).join(', ')}
        </span>
      ) : (
        <span className="quiet">–</span>
      ),
  },
];

/** One connection: the state of its key, its sweeps, and what can be done with it. */
export function ConnectionPage() {
  const { id = '' } = useParams({ strict: false });
  const connection = useQuery({
    queryKey: ['connection', id],
    queryFn: async () =>
      (await api.GET('/v1/connections/{id}', { params: { path: { id } } })).data?.data,
    refetchInterval: 15_000,
  });
  const { data } = connection;
  return (
    <div className="page">
      <Link to="/connections" className="crumb">
        <Icon name="left" size={12} />
        Connections
      </Link>
      {connection.isError && <Problem error={connection.error} retry={connection.refetch} />}
      {data === undefined ? (
        !connection.isError && <Skeleton lines={6} />
      ) : (
        <Body connection={data} />
      )}
    </div>
  );
}

function Body({ connection }: { readonly connection: Connection }) {
  const { id, name, provider, state, last_error, paused } = connection;
  const listing: Listing<'/v1/connections/{id}/sweeps'> = {
    title: 'Sweeps',
    noun: 'sweep',
    path: '/v1/connections/{id}/sweeps',
    place: { id },
    columns: SWEEPS,
    rowId: (sweep) => sweep.id,
    empty: (
      <Empty icon="refresh" title="Not swept yet">
        <p>The first sweep is on its way.</p>
      </Empty>
    ),
  };
  return (
    <>
      <header className="page-head">
        <div className="row wrap">
          <h1>{name}</h1>
          <Status
            state={state === 'active' ? 'key accepted' : state}
            tone={state === 'active' ? 'ok' : 'bad'}
          />
          {paused && <Status state="paused" />}
        </div>
        <Actions connection={connection} />
      </header>
      {last_error && (
        <div className="notice tone-bad">
          <Icon name="unhealthy" />
          <div className="grow stack tight">
            <strong>{last_error.message}</strong>
            <span className="small">
              <code>{last_error.code}</code> <Age at={last_error.at} />
            </span>
          </div>
        </div>
      )}
      <Section
        title="Connection"
        action={
          <Link to="/accounts" search={{ connection_id: id } as never}>
            Its accounts
          </Link>
        }
      >
        <Facts
          facts={[
            [
              'Provider',
              <Link key="p" to="/providers/$id" params={{ id: provider }}>
                {provider}
              </Link>,
            ],
            ['Id', <CopyText key="i" text={id} what="id" />],
            ['Key state since', <Age key="s" at={connection.state_since} />],
            ['Last whole sweep', <Age key="w" at={connection.swept_at} />],
            ['Next sweep', paused ? 'paused' : <Age key="n" at={connection.next_sweep_at} />],
            ['Swept every', span(connection.sweep_interval_seconds)],
            ['Address', connection.base_url ?? 'the provider’s own'],
            ['Made by', connection.source],
          ]}
        />
      </Section>
      <ListPage listing={listing} isInline />
    </>
  );
}

function Actions({ connection }: { readonly connection: Connection }) {
  const { id, name, paused } = connection;
  const [mayWrite, mayAdmin] = [useMay('write'), useMay('admin')];
  const [forgetting, forget] = useState(false);
  const [changing, change] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const changed = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ['connection', id] }),
      client.invalidateQueries({ queryKey: ['list', '/v1/connections/{id}/sweeps'] }),
    ]);
  const sweep = useAction({
    mutationFn: () =>
      api.POST('/v1/connections/{id}/sweep', { params: { path: { id } }, body: {} }),
    onSettled: changed,
  });
  const pause = useAction({
    mutationFn: () =>
      api.PATCH('/v1/connections/{id}', {
        params: { path: { id } },
        body: { paused: !paused },
      }),
    onSettled: changed,
  });
  const error = sweep.error ?? pause.error;
  return (
    <div className="row wrap">
      {mayWrite && (
        <button
          type="button"
          className="button"
          disabled={sweep.isPending || paused}
          onClick={() => sweep.mutate()}
        >
          <Icon name="refresh" />
          Sweep now
        </button>
      )}
      {mayAdmin && (
        <>
          <button type="button" className="button" onClick={() => pause.mutate()}>
            <Icon name={paused ? 'play' : 'pause'} />
            {paused ? 'Resume' : 'Pause'}
          </button>
          <button type="button" className="button" onClick={() => change(true)}>
            Change …
          </button>
          <button type="button" className="button danger" onClick={() => forget(true)}>
            Delete …
          </button>
        </>
      )}
      {error && <Problem error={error} />}
      {changing && <Change connection={connection} close={() => change(false)} />}
      {forgetting && (
        <Confirm
          title={`Delete ${name}`}
          action="Delete it"
          typed={name}
          close={() => forget(false)}
          run={async () => {
            await api.DELETE('/v1/connections/{id}', { params: { path: { id } } });
            client.removeQueries({ queryKey: ['list'] });
            await navigate({ to: '/connections' });
          }}
        >
          <p>
            The connection and its accounts are forgotten here. Nothing is disconnected at the
            provider.
          </p>
        </Confirm>
      )}
    </div>
  );
}

/** Another name or interval, or another key, which the provider checks before it replaces the one there is. */
function Change({
  connection,
  close,
}: {
  readonly connection: Connection;
  readonly close: () => void;
}) {
  const { id } = connection;
  const providers = useQuery(providersQuery);
  const provider = providers.data?.find((one) => one.id === connection.provider);
  const client = useQueryClient();
  const change = useAction({
    mutationFn: (form: FormData) => {
      const credentials = credentialsIn(form, provider);
      return api.PATCH('/v1/connections/{id}', {
        params: { path: { id } },
        body: {
          name: String(form.get('name') ?? '').trim(),
          sweep_interval_seconds: Number(form.get('interval')),
          ...(Object.keys(credentials).length > 0 && { credentials }),
        },
      });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['connection', id] });
      close();
    },
  });
  return (
    <Dialog title={`Change ${connection.name}`} close={close}>
      {providers.isError && <Problem error={providers.error} retry={providers.refetch} />}
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(new FormData(event.currentTarget));
        }}
      >
        <Credentials provider={provider} isKept />
        <Field label="Name">
          {(ids) => (
            <input
              {...ids}
              name="name"
              className="input"
              required
              maxLength={100}
              defaultValue={connection.name}
            />
          )}
        </Field>
        <Field label="Seconds between sweeps">
          {(ids) => (
            <input
              {...ids}
              name="interval"
              type="number"
              className="input"
              required
              defaultValue={connection.sweep_interval_seconds}
            />
          )}
        </Field>
        {change.isError && <Problem error={change.error} />}
        <div className="row dialog-foot">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={change.isPending || provider === undefined}
          >
            {change.isPending ? 'Checking …' : 'Change it'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
