import { Link, type LinkProps } from '@tanstack/react-router';
import type { Disconnect } from '../lib/api';
import { Age } from '../ui/Age';
import { Icon } from '../ui/Icon';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty } from '../ui/Problem';
import { Bar, Status, words } from '../ui/Status';
import type { Column } from '../ui/Table';

export const REASON_CODES = [
  'user_request',
  'offboarding',
  'security_incident',
  'cleanup',
  'other',
] as const;

export function Progress({ summary }: { readonly summary: Disconnect['summary'] }) {
  return (
    <Bar
      label="Progress"
      parts={[
        { tone: 'ok', name: 'succeeded', count: summary.succeeded },
        { tone: 'bad', name: 'failed', count: summary.failed },
        { tone: 'plain', name: 'cancelled', count: summary.cancelled },
        { tone: 'unknown', name: 'pending', count: summary.pending },
      ]}
    />
  );
}

const COLUMNS: readonly Column<Disconnect>[] = [
  {
    id: 'what',
    header: 'Disconnect',
    width: 'minmax(220px, 2fr)',
    cell: ({ summary, steps, reason_code }) => (
      <span className="identity-text">
        <span className="strong truncate">
          {summary.total === 1
            ? (steps[0]?.username ?? steps[0]?.ref ?? '1 account')
            : `${summary.total.toLocaleString()} accounts`}
        </span>
        <span className="quiet small">{words(reason_code)}</span>
      </span>
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: 'minmax(150px, 0.9fr)',
    isBeside: true,
    cell: ({ state }) => <Status state={state} />,
  },
  {
    id: 'progress',
    header: 'Progress',
    width: 'minmax(180px, 1.5fr)',
    from: 720,
    cell: ({ summary }) => (
      <span className="row grow">
        <span className="grow">
          <Progress summary={summary} />
        </span>
        <span className="number small">
          {summary.succeeded}/{summary.total}
        </span>
      </span>
    ),
  },
  {
    id: 'by',
    header: 'Requested by',
    width: 'minmax(140px, 1fr)',
    from: 860,
    cell: ({ requested_by }) => <span className="truncate">{requested_by.name}</span>,
  },
  {
    id: 'created_at',
    header: 'Requested',
    width: 'minmax(100px, 0.7fr)',
    from: 640,
    isBeside: true,
    cell: ({ created_at }) => <Age at={created_at} />,
  },
  {
    id: 'finished_at',
    header: 'Finished',
    width: 'minmax(100px, 0.7fr)',
    from: 960,
    cell: ({ finished_at }) => <Age at={finished_at} none="–" />,
  },
];

const DISCONNECTS: Listing<'/v1/disconnects'> = {
  title: 'Disconnects',
  noun: 'disconnect',
  path: '/v1/disconnects',
  columns: COLUMNS,
  filters: [
    {
      name: 'state',
      label: 'State',
      options: [
        'scheduled',
        'awaiting_approval',
        'running',
        'succeeded',
        'partial',
        'failed',
        'cancelled',
      ],
    },
    { name: 'reason_code', label: 'Reason', options: REASON_CODES },
    { name: 'requested_by', label: 'Key', isHidden: true },
    { name: 'profile_id', label: 'Profile', isHidden: true },
  ],
  rowId: ({ id }) => id,
  link: ({ id }) => ({ to: '/disconnects/$id', params: { id } }) as unknown as LinkProps,
  moves: [
    'account.disconnecting',
    'account.disconnected',
    'account.disconnect_failed',
    'disconnect.awaiting_approval',
    'disconnect.approved',
  ],
  viewsOf: 'disconnects',
  empty: (
    <Empty icon="disconnects" title="Nothing has been disconnected">
      <p>Select accounts, look at what a disconnect would do to each, then run it.</p>
      <Link to="/accounts" className="button primary">
        Choose accounts
      </Link>
    </Empty>
  ),
};

export function Disconnects() {
  return (
    <ListPage
      listing={DISCONNECTS}
      actions={
        <Link to="/accounts" className="button">
          <Icon name="plus" />
          Choose accounts
        </Link>
      }
    />
  );
}
