import { useState } from 'react';
import type { AuditEvent } from '../lib/api';
import { Age, Time } from '../ui/Age';
import { CopyText } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { Facts } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty } from '../ui/Problem';
import { Status } from '../ui/Status';

const listing = (open: (entry: AuditEvent) => void): Listing<'/v1/audit'> => ({
  title: 'Audit log',
  noun: 'entry',
  path: '/v1/audit',
  rowId: ({ id }) => id,
  columns: [
    {
      id: 'action',
      header: 'Action',
      width: 'minmax(200px, 1.2fr)',
      cell: (entry) => (
        <button type="button" className="row-link strong truncate" onClick={() => open(entry)}>
          {entry.action}
        </button>
      ),
    },
    {
      id: 'actor',
      header: 'By',
      width: 'minmax(120px, 0.8fr)',
      isBeside: true,
      cell: ({ actor }) => <span className="truncate">{actor?.name ?? 'Rollcall itself'}</span>,
    },
    {
      id: 'target',
      header: 'On',
      width: 'minmax(320px, 1.8fr)',
      from: 640,
      cell: ({ target }) => (
        <span className="row">
          <Status state={target.type} tone="plain" />
          <code className="truncate">{target.id}</code>
        </span>
      ),
    },
    {
      id: 'reason',
      header: 'Reason',
      width: 'minmax(140px, 1.2fr)',
      from: 1080,
      cell: ({ reason }) => (
        <span className="truncate">{reason ?? <span className="quiet">–</span>}</span>
      ),
    },
    {
      id: 'request',
      header: 'Request',
      width: 'minmax(160px, 1fr)',
      from: 1300,
      cell: ({ request_id }) => <code className="truncate quiet">{request_id ?? '–'}</code>,
    },
    {
      id: 'at',
      header: 'When',
      width: 'minmax(110px, 0.6fr)',
      from: 520,
      isBeside: true,
      cell: ({ at }) => <Age at={at} />,
    },
  ],
  filters: [
    { name: 'action', label: 'Action' },
    {
      name: 'target_type',
      label: 'On',
      options: ['account', 'connection', 'disconnect', 'key', 'profile', 'webhook'],
      isSingle: true,
    },
    { name: 'target_id', label: 'Id' },
    { name: 'key_id', label: 'Key' },
    { name: 'request_id', label: 'Request' },
    { name: 'since', label: 'Since' },
    { name: 'until', label: 'Until' },
  ],
  viewsOf: 'audit',
  empty: (
    <Empty icon="audit" title="Nothing has been done yet">
      <p>Every change that a key makes is written here, and never changed.</p>
    </Empty>
  ),
});

/** Who did what to which resource: append-only. */
export function Audit() {
  const [entry, open] = useState<AuditEvent>();
  const [list] = useState(() => listing(open));
  return (
    <>
      <ListPage
        listing={list}
        actions={
          <button type="button" className="button" onClick={() => print()}>
            <Icon name="print" />
            Print
          </button>
        }
      />
      {entry && (
        <Dialog title={entry.action} close={() => open(undefined)} wide>
          <Facts
            facts={[
              ['Id', <CopyText key="i" text={entry.id} what="id" />],
              ['When', <Time key="t" at={entry.at} />],
              [
                'By',
                entry.actor ? `${entry.actor.name ?? ''} (${entry.actor.key_id})` : 'Rollcall',
              ],
              ['On', `${entry.target.type} ${entry.target.id}`],
              ['Request', entry.request_id ?? '–'],
              ['Reason', entry.reason ?? '–'],
            ]}
          />
          <div className="fields">
            {(['before', 'after'] as const).map((when) => (
              <div key={when} className="stack tight">
                <h3>{when === 'before' ? 'Before' : 'After'}</h3>
                <div className="code-block">
                  <pre>{entry[when] === null ? '–' : JSON.stringify(entry[when], null, 2)}</pre>
                </div>
              </div>
            ))}
          </div>
        </Dialog>
      )}
    </>
  );
}
