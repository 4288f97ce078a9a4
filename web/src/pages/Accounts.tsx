import { type LinkProps, Outlet, useNavigate, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Account } from '../lib/api';
import { useMay } from '../lib/session';
import { Age } from '../ui/Age';
import { Icon } from '../ui/Icon';
import { asked, type Listing, ListPage, useListQuery } from '../ui/ListPage';
import { Empty } from '../ui/Problem';
import { Avatar, Count, Health, Status } from '../ui/Status';
import type { Column } from '../ui/Table';
import { holdSelection } from './selection';

export const PROVIDERS = [
  'creatoraudit',
  'octopost',
  'outfame',
  'postiz',
  'socialsyncer',
  'zernio',
] as const;
export const PLATFORMS = [
  'instagram',
  'tiktok',
  'youtube',
  'twitter',
  'facebook',
  'linkedin',
  'threads',
  'bluesky',
  'mastodon',
  'pinterest',
] as const;
export const HEALTHS = ['healthy', 'warning', 'unhealthy', 'unknown'] as const;
const STATUSES = [
  'setup',
  'active',
  'paused',
  'suspended',
  'reconnect_required',
  'unavailable',
  'disconnecting',
  'disconnected',
] as const;
const REASONS = [
  'setup_pending',
  'account_paused',
  'account_suspended',
  'profile_unavailable',
  'data_stale',
  'token_invalid',
  'token_expiring',
  'permission_missing',
  'provider_warning',
  'credential_rejected',
  'provider_unreachable',
  'answer_unreadable',
  'not_checked',
  'not_told',
] as const;

/** Whom a row is about: a handle and where it is. */
export function Identity({ name, sub }: { readonly name: string; readonly sub: string }) {
  return (
    <span className="identity">
      <Avatar name={name} />
      <span className="identity-text">
        <span className="truncate strong">{name}</span>
        <span className="truncate quiet small">{sub}</span>
      </span>
    </span>
  );
}

export const nameOf = (account: {
  readonly username: string | null;
  readonly display_name?: string | null;
  readonly ref: string;
}) => account.username ?? account.display_name ?? account.ref;

const COLUMNS: readonly Column<Account>[] = [
  {
    id: 'username',
    header: 'Account',
    sort: 'username',
    width: 'minmax(200px, 2.2fr)',
    cell: (account) => (
      <Identity name={nameOf(account)} sub={`${account.platform} · ${account.provider}`} />
    ),
  },
  {
    id: 'health',
    header: 'Health',
    width: 'minmax(170px, 1.3fr)',
    isBeside: true,
    cell: ({ health }) => <Health status={health.status} reason={health.reason} />,
  },
  {
    id: 'status',
    header: 'Status',
    width: 'minmax(184px, 1fr)',
    cell: ({ status }) => <Status state={status} />,
  },
  {
    id: 'fault',
    header: 'Fault',
    width: 'minmax(90px, 0.7fr)',
    isExtra: true,
    cell: ({ health }) => health.fault ?? <span className="quiet">–</span>,
  },
  {
    id: 'next_step',
    header: 'Next step',
    width: 'minmax(120px, 0.9fr)',
    from: 1240,
    cell: ({ health }) =>
      health.next_step === 'none' ? (
        <span className="quiet">–</span>
      ) : (
        health.next_step.replaceAll('_', ' ')
      ),
  },
  {
    id: 'followers',
    header: 'Followers',
    sort: 'followers',
    width: 'minmax(90px, 0.6fr)',
    isNumber: true,
    from: 820,
    cell: ({ metrics }) => <Count value={metrics.followers} compact />,
  },
  {
    id: 'engagement',
    header: 'Engagement',
    width: 'minmax(100px, 0.6fr)',
    isNumber: true,
    isExtra: true,
    cell: ({ metrics }) => <Count value={metrics.engagement_rate} unit=" %" />,
  },
  {
    id: 'checked_at',
    header: 'Checked',
    width: 'minmax(96px, 0.7fr)',
    isBeside: true,
    from: 720,
    cell: ({ health }) => <Age at={health.checked_at} />,
  },
  {
    id: 'health_since',
    header: 'Health since',
    sort: 'health_since',
    width: 'minmax(96px, 0.7fr)',
    isExtra: true,
    cell: ({ health }) => <Age at={health.since} />,
  },
  {
    id: 'updated_at',
    header: 'Updated',
    sort: 'updated_at',
    width: 'minmax(96px, 0.7fr)',
    from: 1400,
    cell: ({ updated_at }) => <Age at={updated_at} />,
  },
  {
    id: 'connected_at',
    header: 'Connected',
    sort: 'connected_at',
    width: 'minmax(96px, 0.7fr)',
    isExtra: true,
    cell: ({ connected_at }) => <Age at={connected_at} none="not reported" />,
  },
  {
    id: 'created_at',
    header: 'First seen',
    sort: 'created_at',
    width: 'minmax(96px, 0.7fr)',
    from: 980,
    cell: ({ created_at }) => <Age at={created_at} />,
  },
  {
    id: 'labels',
    header: 'Labels',
    width: 'minmax(140px, 1fr)',
    isExtra: true,
    cell: ({ labels }) => (
      <span className="truncate">
        {Object.entries(labels)
          .map(([name, value]) => `${name}: ${value}`)
          .join(', ') || <span className="quiet">–</span>}
      </span>
    ),
  },
  {
    id: 'ref',
    header: 'Ref',
    width: 'minmax(200px, 1.2fr)',
    isExtra: true,
    cell: ({ ref }) => <code className="truncate">{ref}</code>,
  },
];

export const ACCOUNTS: Listing<'/v1/accounts'> = {
  title: 'Accounts',
  noun: 'account',
  path: '/v1/accounts',
  columns: COLUMNS,
  search: { name: 'q', label: 'Search handles and names' },
  filters: [
    { name: 'health', label: 'Health', options: HEALTHS },
    { name: 'status', label: 'Status', options: STATUSES },
    { name: 'reason', label: 'Reason', options: REASONS },
    { name: 'provider', label: 'Provider', options: PROVIDERS },
    { name: 'platform', label: 'Platform', options: PLATFORMS },
    { name: 'connection_id', label: 'Connection', isHidden: true },
    { name: 'profile_id', label: 'Profile', isHidden: true },
    { name: 'username', label: 'Handle', isHidden: true },
    { name: 'updated_since', label: 'Updated since', isHidden: true },
  ],
  rowId: ({ id }) => id,
  link: ({ id }) =>
    ({ to: '/accounts/$id', params: { id }, search: true, preload: false }) as unknown as LinkProps,
  moves: [
    'account.discovered',
    'account.vanished',
    'account.reappeared',
    'account.disconnected',
    'account.disconnect_failed',
  ],
  viewsOf: 'accounts',
  empty: (
    <Empty icon="accounts" title="No account yet">
      <p>Connect a provider, and its next sweep lists the accounts that it holds.</p>
      <a className="button primary" href="/connections">
        Add a connection
      </a>
    </Empty>
  ),
};

/** All accounts, and beside them the one that is open. */
export function Accounts() {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const selection = useMemo(() => ({ ids, change: setIds }), [ids]);
  const mayWrite = useMay('write');
  const { id } = useParams({ strict: false });
  return (
    <div className={id === undefined ? 'split' : 'split is-open'}>
      <ListPage listing={ACCOUNTS} {...(mayWrite && { selection })}>
        {ids.size > 0 && <Selected ids={ids} clear={() => setIds(new Set())} />}
      </ListPage>
      <Outlet />
    </div>
  );
}

/** What can be done with the rows that are selected, or with all that match. */
function Selected({
  ids,
  clear,
}: {
  readonly ids: ReadonlySet<string>;
  readonly clear: () => void;
}) {
  const navigate = useNavigate();
  const [search] = useListQuery();
  const { order_by: _by, order_direction: _direction, ...filter } = asked(search);
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <section className="selected" aria-label="Selection">
      <strong className="number">{ids.size.toLocaleString()} selected</strong>
      <button
        type="button"
        className="button danger"
        onClick={() =>
          void navigate({ to: '/disconnects/new', search: holdSelection([...ids]) as never })
        }
      >
        <Icon name="disconnects" />
        Disconnect …
      </button>
      {isFiltered && (
        <button
          type="button"
          className="button"
          onClick={() => void navigate({ to: '/disconnects/new', search: filter as never })}
        >
          Disconnect all that match …
        </button>
      )}
      <button type="button" className="button plain" onClick={clear}>
        Clear
      </button>
    </section>
  );
}
