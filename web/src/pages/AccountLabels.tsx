import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useAction } from '../lib/action';
import { type Account, api } from '../lib/api';
import { useMay } from '../lib/session';
import { Dialog } from '../ui/Dialog';
import { Icon } from '../ui/Icon';
import { Problem } from '../ui/Problem';

/** Our own words about an account, and the way to change them. */
export function AccountLabels({ account }: { readonly account: Account }) {
  const may = useMay('write');
  const [isChanging, change] = useState(false);
  const labels = Object.entries(account.labels).map(([name, value]) => `${name}: ${value}`);
  return (
    <span className="row wrap">
      {labels.join(', ') || '–'}
      {may && (
        <button type="button" className="link no-print" onClick={() => change(true)}>
          Change labels
        </button>
      )}
      {isChanging && <Change account={account} close={() => change(false)} />}
    </span>
  );
}

interface Row {
  /** Tells rows apart while their names are written. */
  readonly id: number;
  readonly name: string;
  readonly value: string;
}

/** Labels are merged: those that are gone are sent as null. */
function merged(before: Account['labels'], rows: readonly Row[]): Record<string, string | null> {
  const gone = Object.keys(before).map((name) => [name, null] as const);
  return Object.fromEntries([...gone, ...rows.map(({ name, value }) => [name, value] as const)]);
}

function Change({ account, close }: { readonly account: Account; readonly close: () => void }) {
  const client = useQueryClient();
  const [rows, setRows] = useState<readonly Row[]>(() =>
    Object.entries(account.labels).map(([name, value], id) => ({ id, name, value })),
  );
  const save = useAction({
    mutationFn: () =>
      api.PATCH('/v1/accounts/{id}', {
        params: { path: { id: account.id } },
        body: { labels: merged(account.labels, rows) },
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['account', account.id] });
      close();
    },
  });
  const write = (row: Row) => setRows(rows.map((other) => (other.id === row.id ? row : other)));
  const add = () => {
    const id = Math.max(-1, ...rows.map((row) => row.id)) + 1;
    setRows([...rows, { id, name: '', value: '' }]);
  };
  const isTwice = new Set(rows.map(({ name }) => name)).size < rows.length;
  return (
    <Dialog title="Labels" close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {rows.map((row, index) => (
          <div key={row.id} className="row">
            <input
              className="input"
              aria-label={`Name of label ${index + 1}`}
              placeholder="Name"
              required
              maxLength={64}
              value={row.name}
              onChange={({ target }) => write({ ...row, name: target.value })}
            />
            <input
              className="input"
              aria-label={`Value of label ${index + 1}`}
              placeholder="Value"
              maxLength={256}
              value={row.value}
              onChange={({ target }) => write({ ...row, value: target.value })}
            />
            <button
              type="button"
              className="button plain icon"
              aria-label={`Remove label ${index + 1}`}
              onClick={() => setRows(rows.filter((other) => other.id !== row.id))}
            >
              <Icon name="close" />
            </button>
          </div>
        ))}
        <button type="button" className="button" onClick={add}>
          Add a label
        </button>
        {isTwice && <p className="quiet">Two labels have the same name.</p>}
        {save.isError && <Problem error={save.error} />}
        <div className="row dialog-foot">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={save.isPending || isTwice}>
            {save.isPending ? 'Saving …' : 'Save'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
