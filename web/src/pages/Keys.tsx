import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useAction } from '../lib/action';
import { api, type Key } from '../lib/api';
import { useMay } from '../lib/session';
import { Age } from '../ui/Age';
import { Confirm } from '../ui/Confirm';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty, Problem } from '../ui/Problem';
import { ShownOnce } from '../ui/ShownOnce';
import { Status, words } from '../ui/Status';
import { PROVIDERS } from './Accounts';

const listing = (revoke: (key: Key) => void): Listing<'/v1/keys'> => ({
  title: 'Keys',
  noun: 'key',
  path: '/v1/keys',
  rowId: ({ id }) => id,
  columns: [
    {
      id: 'name',
      header: 'Key',
      width: 'minmax(200px, 1.8fr)',
      cell: ({ name, id }) => (
        <span className="identity-text">
          <span className="strong truncate">{name}</span>
          <code className="quiet truncate">{id}</code>
        </span>
      ),
    },
    {
      id: 'scopes',
      header: 'May',
      width: 'minmax(120px, 0.8fr)',
      isBeside: true,
      cell: ({ scopes }) => (
        <span className="row">
          {scopes.map((scope) => (
            <Status key={scope} state={scope} tone={scope === 'admin' ? 'warn' : 'plain'} />
          ))}
        </span>
      ),
    },
    {
      id: 'providers',
      header: 'Providers',
      width: 'minmax(140px, 1.2fr)',
      from: 760,
      cell: ({ providers }) => (
        <span className="truncate">{providers.length === 0 ? 'All' : providers.join(', ')}</span>
      ),
    },
    {
      id: 'used',
      header: 'Last used',
      width: 'minmax(100px, 0.7fr)',
      from: 640,
      cell: ({ last_used_at }) => <Age at={last_used_at} />,
    },
    {
      id: 'expires',
      header: 'Expires',
      width: 'minmax(100px, 0.7fr)',
      from: 820,
      cell: ({ expires_at }) => <Age at={expires_at} />,
    },
    {
      id: 'created',
      header: 'Made',
      width: 'minmax(100px, 0.7fr)',
      from: 900,
      cell: ({ created_at }) => <Age at={created_at} />,
    },
    {
      id: 'revoke',
      header: 'End it',
      width: 'minmax(100px, 0.5fr)',
      isBeside: true,
      cell: (key) => (
        <button
          type="button"
          className="link"
          aria-label={`Revoke ${key.name}`}
          onClick={() => revoke(key)}
        >
          Revoke …
        </button>
      ),
    },
  ],
  empty: <Empty icon="keys" title="No keys" />,
});

export function Keys() {
  const may = useMay('admin');
  const client = useQueryClient();
  const [making, make] = useState(false);
  const [revoking, revoke] = useState<Key>();
  const list = useMemo(() => listing(revoke), []);
  const changed = () => client.resetQueries({ queryKey: ['list', '/v1/keys'] });
  return (
    <>
      <ListPage
        listing={list}
        actions={
          may && (
            <button type="button" className="button primary" onClick={() => make(true)}>
              <Icon name="plus" />
              Make a key
            </button>
          )
        }
      />
      {making && <Make close={() => make(false)} changed={changed} />}
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name}`}
          action="Revoke"
          typed={revoking.name}
          close={() => revoke(undefined)}
          run={async () => {
            await api.DELETE('/v1/keys/{id}', { params: { path: { id: revoking.id } } });
            await changed();
          }}
        >
          <p>
            Its requests are refused at once, its streams and browser sessions end, and what it
            scheduled waits for an administrator.
          </p>
        </Confirm>
      )}
    </>
  );
}

function Make({
  close,
  changed,
}: {
  readonly close: () => void;
  readonly changed: () => Promise<unknown>;
}) {
  const make = useAction({
    mutationFn: async (form: FormData) => {
      const until = String(form.get('expires') ?? '');
      return (
        await api.POST('/v1/keys', {
          body: {
            name: String(form.get('name') ?? '').trim(),
            scopes: [String(form.get('scope'))] as Key['scopes'],
            providers: PROVIDERS.filter((provider) => form.get(provider) !== null),
            ...(until !== '' && { expires_at: new Date(until).toISOString() }),
          },
        })
      ).data?.data;
    },
    onSuccess: changed,
  });
  if (make.data)
    return (
      <ShownOnce
        title="The key is made"
        note="Copy it now: it is shown this once."
        secret={make.data.key}
        what="key"
        close={close}
      />
    );
  return (
    <Dialog title="Make a key" close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate(new FormData(event.currentTarget));
        }}
      >
        <Field label="Name" hint="Who or what uses it.">
          {(ids) => <input {...ids} name="name" className="input" required maxLength={100} />}
        </Field>
        <div className="fields">
          <Field label="It may" hint="Each includes the one before.">
            {(ids) => (
              <select {...ids} name="scope" className="select">
                {['read', 'write', 'admin'].map((scope) => (
                  <option key={scope} value={scope}>
                    {words(scope)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Until" hint="Never ends, when left empty.">
            {(ids) => <input {...ids} name="expires" type="datetime-local" className="input" />}
          </Field>
        </div>
        <fieldset className="options">
          <legend className="small strong">Only these providers (none chosen: all)</legend>
          {PROVIDERS.map((provider) => (
            <label key={provider} className="option">
              <input type="checkbox" name={provider} />
              {provider}
            </label>
          ))}
        </fieldset>
        {make.isError && <Problem error={make.error} />}
        <div className="row dialog-foot">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={make.isPending}>
            Make it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
