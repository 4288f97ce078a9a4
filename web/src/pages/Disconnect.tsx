import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useAction } from '../lib/action';
import { api, type Disconnect, type Step } from '../lib/api';
import { useEvents, useLiveState } from '../lib/live';
import { useMay, useSession } from '../lib/session';
import { Age } from '../ui/Age';
import { Confirm } from '../ui/Confirm';
import { CopyText } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { Facts, Section } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type Listing, ListPage } from '../ui/ListPage';
import { Problem, Skeleton } from '../ui/Problem';
import { Status, words } from '../ui/Status';
import { type Column, Table } from '../ui/Table';
import { Identity } from './Accounts';
import { Progress } from './Disconnects';

/** Looks again while it goes on: seldom while the stream tells of changes. */
const POLL_MS = { live: 5_000, blind: 2_000 };
const UNFINISHED = ['scheduled', 'awaiting_approval', 'running'];

const columnsOf = (open: (step: Step) => void): readonly Column<Step>[] => [
  {
    id: 'account',
    header: 'Account',
    width: 'minmax(200px, 2fr)',
    cell: ({ username, ref, platform, provider }) => (
      <Identity name={username ?? ref} sub={`${platform} · ${provider}`} />
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: 'minmax(110px, 0.8fr)',
    isBeside: true,
    cell: ({ state }) => <Status state={state} />,
  },
  {
    id: 'outcome',
    header: 'Outcome',
    width: 'minmax(180px, 1.8fr)',
    from: 640,
    isBeside: true,
    cell: ({ outcome, last_error }) =>
      last_error ? (
        <span className="truncate tone-bad" title={last_error.message}>
          {last_error.message}
        </span>
      ) : outcome ? (
        words(outcome)
      ) : (
        <span className="quiet">–</span>
      ),
  },
  {
    id: 'verified',
    header: 'Seen at the provider',
    width: 'minmax(190px, 1fr)',
    from: 760,
    cell: ({ verified, verified_at }) => (
      <span className="row">
        {words(verified)}
        {verified_at && (
          <span className="quiet small">
            <Age at={verified_at} />
          </span>
        )}
      </span>
    ),
  },
  {
    id: 'attempts',
    header: 'Attempts',
    width: 'minmax(110px, 0.5fr)',
    isNumber: true,
    from: 900,
    cell: ({ attempts, next_attempt_at }) => (
      <span className="number">
        {attempts}
        {next_attempt_at && (
          <span className="quiet small">
            {' '}
            · next <Age at={next_attempt_at} />
          </span>
        )}
      </span>
    ),
  },
  {
    id: 'evidence',
    header: 'Evidence',
    width: 'minmax(90px, 0.5fr)',
    from: 560,
    cell: (step) =>
      step.evidence.length === 0 ? (
        <span className="quiet">none yet</span>
      ) : (
        <button type="button" className="link" onClick={() => open(step)}>
          {step.evidence.length} {step.evidence.length === 1 ? 'call' : 'calls'}
          <span className="sr-only"> as evidence of {step.username ?? step.ref}</span>
        </button>
      ),
  },
];

/** A disconnect as it goes on; it can be left and found again. */
export function DisconnectPage() {
  const { id = '' } = useParams({ strict: false });
  const live = useLiveState();
  const disconnect = useQuery({
    queryKey: ['disconnect', id],
    queryFn: async () =>
      (await api.GET('/v1/disconnects/{id}', { params: { path: { id } } })).data?.data,
    refetchInterval: ({ state }) =>
      state.data !== undefined && !UNFINISHED.includes(state.data.state)
        ? false
        : live.state === 'connected'
          ? POLL_MS.live
          : POLL_MS.blind,
  });
  const { data, refetch, isFetching } = disconnect;
  useEvents((event) => {
    if (event === 'gap' || /^(disconnect\.|account\.disconnect)/.test(event.type))
      if (!isFetching) void refetch();
  });
  return (
    <div className="page">
      <Link to="/disconnects" className="crumb">
        <Icon name="left" size={12} />
        Disconnects
      </Link>
      {disconnect.isError && <Problem error={disconnect.error} retry={refetch} />}
      {data === undefined ? (
        !disconnect.isError && <Skeleton lines={6} />
      ) : (
        <Body disconnect={data} />
      )}
    </div>
  );
}

function Body({ disconnect }: { readonly disconnect: Disconnect }) {
  const { summary, state, steps } = disconnect;
  const isFinished = !UNFINISHED.includes(state);
  const [opened, open] = useState<Step>();
  const columns = useMemo(() => columnsOf(open), []);
  const listing: Listing<'/v1/disconnects/{id}/steps'> = {
    title: 'All steps',
    noun: 'step',
    path: '/v1/disconnects/{id}/steps',
    place: { id: disconnect.id },
    columns,
    rowId: ({ account_id }) => account_id,
    moves: ['account.disconnected', 'account.disconnect_failed'],
    empty: null,
  };
  return (
    <>
      <header className="page-head">
        <div className="row wrap">
          <h1>
            Disconnect of {summary.total.toLocaleString()}{' '}
            {summary.total === 1 ? 'account' : 'accounts'}
          </h1>
          <Status state={state} />
        </div>
        <Actions disconnect={disconnect} isFinished={isFinished} />
      </header>
      <section className="card" aria-label="Progress">
        <div className="row wrap" role="status">
          <span className="figure big number">
            {summary.succeeded + summary.failed + summary.cancelled}
            <span className="quiet"> / {summary.total.toLocaleString()}</span>
          </span>
          <span className="quiet">
            {isFinished
              ? 'done'
              : state === 'scheduled'
                ? 'not started yet'
                : state === 'awaiting_approval'
                  ? 'waits for an administrator'
                  : 'done so far; it continues when you leave this page'}
          </span>
        </div>
        <Progress summary={summary} />
        <div className="legend small">
          {(
            [
              ['succeeded', 'is-healthy'],
              ['failed', 'is-unhealthy'],
              ['cancelled', 'fill-plain'],
              ['pending', 'is-unknown'],
            ] as const
          ).map(([name, look]) => (
            <span key={name}>
              <span className={`swatch ${look}`} />
              {summary[name].toLocaleString()} {name}
            </span>
          ))}
        </div>
      </section>
      <Section title="Request">
        <Facts
          facts={[
            ['Id', <CopyText key="i" text={disconnect.id} what="id" />],
            ['Reason', words(disconnect.reason_code)],
            ['Note', disconnect.reason_note ?? '–'],
            ['Requested by', disconnect.requested_by.name],
            ['Requested', <Age key="c" at={disconnect.created_at} />],
            ['Starts', <Age key="s" at={disconnect.scheduled_at} none="at once" />],
            ['Finished', <Age key="f" at={disconnect.finished_at} none="not yet" />],
          ]}
        />
      </Section>
      {disconnect.has_more_steps ? (
        <ListPage listing={listing} isInline />
      ) : (
        <Section title={`Steps (${steps.length})`}>
          <Table
            label="Steps"
            items={steps}
            columns={columns}
            rowId={({ account_id }) => account_id}
            isInline
          />
        </Section>
      )}
      {opened && <Evidence step={opened} close={() => open(undefined)} />}
    </>
  );
}

/** What the provider was asked for one account, and what it answered. */
function Evidence({ step, close }: { readonly step: Step; readonly close: () => void }) {
  return (
    <Dialog title={`Calls about ${step.username ?? step.ref}`} close={close} wide>
      <ol className="timeline">
        {step.evidence.map(({ call, status, shape, outcome, at, request_id }) => (
          <li key={call + at}>
            <Status state={call} tone="plain" />
            <span className="grow">
              <span className="number strong">{status ?? 'no answer'}</span>{' '}
              {[shape, outcome].map((word) => word && words(word).toLowerCase()).join(', ')}
            </span>
            {request_id && <code className="quiet truncate">{request_id}</code>}
            <span className="quiet small nowrap">
              <Age at={at} />
            </span>
          </li>
        ))}
      </ol>
      {step.last_error && <p className="tone-bad">{step.last_error.message}</p>}
    </Dialog>
  );
}

type Action = 'cancel' | 'retry' | 'approve';

function Actions({
  disconnect,
  isFinished,
}: {
  readonly disconnect: Disconnect;
  readonly isFinished: boolean;
}) {
  const { id, state, summary, requested_by } = disconnect;
  const [mayWrite, mayAdmin] = [useMay('write'), useMay('admin')];
  const session = useSession();
  const client = useQueryClient();
  const [asking, ask] = useState<Action>();
  const run = useAction({
    mutationFn: (action: Action) =>
      api.POST(`/v1/disconnects/{id}/${action}`, { params: { path: { id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['disconnect', id] }),
  });
  const isOwn = session.data?.key.id === requested_by.key_id;
  return (
    <div className="row wrap no-print">
      {state === 'awaiting_approval' && mayAdmin && (
        <button
          type="button"
          className="button danger"
          disabled={isOwn}
          title={isOwn ? 'Another key than the one that asked must approve' : undefined}
          onClick={() => ask('approve')}
        >
          Approve …
        </button>
      )}
      {mayWrite && !isFinished && (
        <button type="button" className="button" onClick={() => ask('cancel')}>
          Cancel what has not started …
        </button>
      )}
      {mayWrite && isFinished && summary.failed > 0 && (
        <button type="button" className="button" onClick={() => run.mutate('retry')}>
          <Icon name="refresh" />
          Retry {summary.failed} failed
        </button>
      )}
      {isFinished && (
        <Link to="/disconnects/$id/receipt" params={{ id }} className="button primary">
          <Icon name="audit" />
          Receipt
        </Link>
      )}
      {run.isError && <Problem error={run.error} />}
      {asking && (
        <Confirm
          title={asking === 'approve' ? 'Approve this disconnect' : 'Cancel this disconnect'}
          action={asking === 'approve' ? 'Approve and run' : 'Cancel the rest'}
          {...(asking === 'approve' && { typed: String(summary.total) })}
          close={() => ask(undefined)}
          run={() => run.mutateAsync(asking)}
        >
          <p>
            {asking === 'approve'
              ? `${summary.total.toLocaleString()} accounts are disconnected at their providers.`
              : `${summary.pending.toLocaleString()} steps that have not started are given up; their accounts get their former status back.`}
          </p>
        </Confirm>
      )}
    </div>
  );
}
