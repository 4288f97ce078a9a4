import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useAction } from '../lib/action';
import { api, type Delivery, type Webhook } from '../lib/api';
import { useMay } from '../lib/session';
import { Age } from '../ui/Age';
import { Confirm } from '../ui/Confirm';
import { CopyText } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { Facts, Section } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty, Problem, Skeleton } from '../ui/Problem';
import { ShownOnce } from '../ui/ShownOnce';
import { Status, words } from '../ui/Status';
import { useToast } from '../ui/Toast';

/** One webhook: its state and what became of each delivery. */
export function WebhookPage() {
  const { id = '' } = useParams({ strict: false });
  const webhook = useQuery({
    queryKey: ['webhook', id],
    queryFn: async () =>
      (await api.GET('/v1/webhooks/{id}', { params: { path: { id } } })).data?.data,
  });
  const { data } = webhook;
  return (
    <div className="page">
      <Link to="/webhooks" className="crumb">
        <Icon name="left" size={12} />
        Webhooks
      </Link>
      {webhook.isError && <Problem error={webhook.error} retry={webhook.refetch} />}
      {data === undefined ? !webhook.isError && <Skeleton lines={6} /> : <Body webhook={data} />}
    </div>
  );
}

const listing = (
  id: string,
  open: (delivery: Delivery) => void,
  replay: ((delivery: string) => void) | undefined,
): Listing<'/v1/webhooks/{id}/deliveries'> => ({
  title: 'Deliveries',
  noun: 'delivery',
  path: '/v1/webhooks/{id}/deliveries',
  place: { id },
  rowId: (delivery) => delivery.id,
  columns: [
    {
      id: 'event',
      header: 'Event',
      width: 'minmax(180px, 1.4fr)',
      cell: (delivery) => (
        <span className="identity-text">
          <button type="button" className="link truncate" onClick={() => open(delivery)}>
            {delivery.event_type}
          </button>
          <code className="quiet truncate">{delivery.event_id}</code>
        </span>
      ),
    },
    {
      id: 'state',
      header: 'State',
      width: 'minmax(110px, 0.7fr)',
      isBeside: true,
      cell: ({ state }) => <Status state={state} />,
    },
    {
      id: 'answer',
      header: 'Last answer',
      width: 'minmax(200px, 2fr)',
      from: 640,
      cell: ({ attempts }: Delivery) => {
        const last = attempts.at(-1);
        if (last === undefined) return <span className="quiet">not sent yet</span>;
        const text = last.error ?? last.answer ?? '';
        return (
          <span className="truncate" title={text}>
            <span className="number strong">{last.status ?? 'no answer'}</span>{' '}
            <span className="quiet">
              {last.latency_ms} ms {text}
            </span>
          </span>
        );
      },
    },
    {
      id: 'attempts',
      header: 'Attempts',
      width: 'minmax(110px, 0.6fr)',
      isNumber: true,
      from: 760,
      cell: ({ attempts, next_attempt_at }) => (
        <span className="number">
          {attempts.length}
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
      id: 'at',
      header: 'Made',
      width: 'minmax(100px, 0.6fr)',
      from: 820,
      cell: ({ created_at }) => <Age at={created_at} />,
    },
    {
      id: 'replay',
      header: 'Again',
      width: 'minmax(90px, 0.5fr)',
      isBeside: true,
      from: 640,
      cell: (delivery) =>
        replay && delivery.state !== 'pending' ? (
          <button type="button" className="link" onClick={() => replay(delivery.id)}>
            Replay
          </button>
        ) : null,
    },
  ],
  empty: (
    <Empty icon="webhooks" title="Nothing has been sent yet">
      <p>Send a test event, or wait for the next change.</p>
    </Empty>
  ),
});

function Body({ webhook }: { readonly webhook: Webhook }) {
  const { id } = webhook;
  const may = useMay('admin');
  const client = useQueryClient();
  const navigate = useNavigate();
  const toast = useToast();
  const [removing, remove] = useState(false);
  const [rotating, rotate] = useState(false);
  const [secret, show] = useState<string>();
  const [opened, open] = useState<Delivery>();
  const changed = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ['webhook', id] }),
      client.invalidateQueries({ queryKey: ['list', '/v1/webhooks/{id}/deliveries'] }),
    ]);
  const test = useAction({
    mutationFn: () => api.POST('/v1/webhooks/{id}/test', { params: { path: { id } } }),
    onSuccess: () => toast('A test event is on its way'),
    onSettled: changed,
  });
  const replay = useAction({
    mutationFn: (delivery_id: string) =>
      api.POST('/v1/webhooks/{id}/deliveries/{delivery_id}/replay', {
        params: { path: { id, delivery_id } },
      }),
    onSuccess: () => toast('It is sent again'),
    onSettled: changed,
  });
  const { mutate } = replay;
  const enable = useAction({
    mutationFn: () =>
      api.PATCH('/v1/webhooks/{id}', {
        params: { path: { id } },
        body: { enabled: !webhook.enabled },
      }),
    onSettled: changed,
  });
  const deliveries = useMemo(() => listing(id, open, may ? mutate : undefined), [id, may, mutate]);
  const error = test.error ?? replay.error ?? enable.error;
  return (
    <>
      <header className="page-head">
        <div className="row wrap grow">
          <h1 className="truncate">{webhook.url}</h1>
          <Status state={webhook.enabled ? 'enabled' : 'disabled'} />
        </div>
        {may && (
          <div className="row wrap">
            <button type="button" className="button" onClick={() => test.mutate()}>
              <Icon name="webhooks" />
              Send a test
            </button>
            <button type="button" className="button" onClick={() => enable.mutate()}>
              {webhook.enabled ? 'Disable' : 'Enable'}
            </button>
            <button type="button" className="button" onClick={() => rotate(true)}>
              New secret …
            </button>
            <button type="button" className="button danger" onClick={() => remove(true)}>
              Delete …
            </button>
          </div>
        )}
      </header>
      {error && <Problem error={error} />}
      <Section title="Webhook">
        <Facts
          facts={[
            ['Id', <CopyText key="i" text={id} what="id" />],
            ['Description', webhook.description ?? '–'],
            ['Events', webhook.types.join(', ') || 'all'],
            ['Address set by', webhook.url_set_by?.name ?? '–'],
            ['Failing since', <Age key="f" at={webhook.failing_since} none="it takes them" />],
            [
              'Disabled',
              webhook.disabled ? (
                <span key="d">
                  {words(webhook.disabled.reason)}, <Age at={webhook.disabled.at} />
                </span>
              ) : (
                'no'
              ),
            ],
          ]}
        />
      </Section>
      <ListPage listing={deliveries} isInline />
      {opened && <Attempts delivery={opened} close={() => open(undefined)} />}
      {secret !== undefined && (
        <ShownOnce
          title="The webhook has a new secret"
          note="Deliveries are signed with both for a day. It is shown this once."
          secret={secret}
          what="secret"
          close={() => show(undefined)}
        />
      )}
      {rotating && (
        <Confirm
          title="Make a new secret"
          action="Make it"
          close={() => rotate(false)}
          run={async () => {
            const { data } = await api.POST('/v1/webhooks/{id}/rotate', {
              params: { path: { id } },
            });
            show(data?.data.secret);
          }}
        >
          <p>The current one stays valid for a day, until the receiver has the new one.</p>
        </Confirm>
      )}
      {removing && (
        <Confirm
          title="Delete this webhook"
          action="Delete"
          close={() => remove(false)}
          run={async () => {
            await api.DELETE('/v1/webhooks/{id}', { params: { path: { id } } });
            client.removeQueries({ queryKey: ['list', '/v1/webhooks'] });
            await navigate({ to: '/webhooks' });
          }}
        >
          <p>Its deliveries are deleted with it, those on their way too.</p>
        </Confirm>
      )}
    </>
  );
}

/** When it was sent, and what the receiver answered each time. */
function Attempts({
  delivery: { event_type, event_id, attempts },
  close,
}: {
  readonly delivery: Delivery;
  readonly close: () => void;
}) {
  return (
    <Dialog title={event_type} close={close} wide>
      <p className="row wrap">
        Event <CopyText text={event_id} what="id" />
      </p>
      {attempts.length === 0 ? (
        <p className="quiet">It has not been sent yet.</p>
      ) : (
        <ol className="timeline">
          {attempts.map(({ at, status, latency_ms, error, answer }) => (
            <li key={at}>
              <span className="number strong">{status ?? 'no answer'}</span>
              <span className="grow">{error ?? answer ?? ''}</span>
              <span className="quiet small nowrap">
                {latency_ms} ms · <Age at={at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </Dialog>
  );
}
