import { useQueryClient } from '@tanstack/react-query';
import type { LinkProps } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../lib/action';
import { api, type Webhook } from '../lib/api';
import { useMay } from '../lib/session';
import { Age } from '../ui/Age';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty, Problem } from '../ui/Problem';
import { ShownOnce } from '../ui/ShownOnce';
import { Status, words } from '../ui/Status';
import type { Column } from '../ui/Table';

const COLUMNS: readonly Column<Webhook>[] = [
  {
    id: 'url',
    header: 'Webhook',
    width: 'minmax(240px, 2.4fr)',
    cell: ({ url, description }) => (
      <span className="identity-text">
        <span className="truncate strong">{url}</span>
        <span className="truncate quiet small">{description ?? 'No description'}</span>
      </span>
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: 'minmax(110px, 0.8fr)',
    isBeside: true,
    cell: ({ enabled, failing_since }) => (
      <Status
        state={!enabled ? 'disabled' : failing_since ? 'failing' : 'enabled'}
        {...(enabled && failing_since && { tone: 'warn' as const })}
      />
    ),
  },
  {
    id: 'types',
    header: 'Events',
    width: 'minmax(180px, 1.6fr)',
    from: 760,
    cell: ({ types }) => (
      <span className="truncate">{types.length === 0 ? 'All' : types.join(', ')}</span>
    ),
  },
  {
    id: 'disabled',
    header: 'Disabled',
    width: 'minmax(140px, 0.8fr)',
    from: 900,
    cell: ({ disabled }) => (disabled ? words(disabled.reason) : <span className="quiet">–</span>),
  },
  {
    id: 'created_at',
    header: 'Added',
    width: 'minmax(100px, 0.7fr)',
    from: 700,
    cell: ({ created_at }) => <Age at={created_at} />,
  },
];

const FAMILIES = ['account.*', 'connection.*', 'profile.*', 'finding.*', 'provider.*'] as const;

export function Webhooks() {
  const may = useMay('admin');
  const [adding, add] = useState(false);
  const button = may && (
    <button type="button" className="button primary" onClick={() => add(true)}>
      <Icon name="plus" />
      Add a webhook
    </button>
  );
  const listing: Listing<'/v1/webhooks'> = {
    title: 'Webhooks',
    noun: 'webhook',
    path: '/v1/webhooks',
    columns: COLUMNS,
    rowId: ({ id }) => id,
    link: ({ id }) => ({ to: '/webhooks/$id', params: { id } }) as unknown as LinkProps,
    moves: ['webhook.disabled'],
    empty: (
      <Empty icon="webhooks" title="No webhook yet">
        <p>Events are posted to your address, signed, and sent again until it takes them.</p>
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

function Add({ close }: { readonly close: () => void }) {
  const client = useQueryClient();
  const add = useAction({
    mutationFn: async (form: FormData) => {
      const description = String(form.get('description') ?? '').trim();
      const types = FAMILIES.filter((family) => form.get(family) !== null);
      return (
        await api.POST('/v1/webhooks', {
          body: {
            url: String(form.get('url') ?? '').trim(),
            types: types as never,
            ...(description !== '' && { description }),
          },
        })
      ).data?.data;
    },
    onSuccess: () => client.resetQueries({ queryKey: ['list', '/v1/webhooks'] }),
  });
  if (add.data)
    return (
      <ShownOnce
        title="The webhook is added"
        note="Its deliveries are signed with this secret. It is shown this once."
        secret={add.data.secret}
        what="secret"
        close={close}
      />
    );
  return (
    <Dialog title="Add a webhook" close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate(new FormData(event.currentTarget));
        }}
      >
        <Field label="Address">
          {(ids) => (
            <input
              {...ids}
              name="url"
              type="url"
              className="input mono"
              placeholder="https://…"
              required
            />
          )}
        </Field>
        <Field label="Description">
          {(ids) => <input {...ids} name="description" className="input" maxLength={200} />}
        </Field>
        <fieldset className="options">
          <legend className="small strong">Events (none chosen: all)</legend>
          {FAMILIES.map((family) => (
            <label key={family} className="option">
              <input type="checkbox" name={family} />
              <code>{family}</code>
            </label>
          ))}
        </fieldset>
        {add.isError && <Problem error={add.error} />}
        <div className="row dialog-foot">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={add.isPending}>
            Add
          </button>
        </div>
      </form>
    </Dialog>
  );
}
