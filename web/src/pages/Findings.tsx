import { useQueryClient } from '@tanstack/react-query';

import { useState } from 'react';
import { api, type Finding } from '../lib/api';
import { useMay } from '../lib/session';
import { Age } from '../ui/Age';
import { Confirm } from '../ui/Confirm';
import { Field } from '../ui/Field';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty } from '../ui/Problem';
import { Status, words } from '../ui/Status';
import { Identity, PLATFORMS, PROVIDERS } from './Accounts';

const KINDS = [
  'two_publishers',
  'tracked_twice',
  'single_provider',
  'engagement_beside_publishing',
  'stale_weak_link',
  'handle_taken_over',
] as const;
const SEVERITY = { info: 'plain', warning: 'warn', critical: 'bad' } as const;

const listing = (dismiss: ((finding: Finding) => void) | undefined): Listing<'/v1/findings'> => ({
  title: 'Findings',
  noun: 'finding',
  path: '/v1/findings',
  columns: [
    {
      id: 'profile',
      header: 'Profile',
      width: 'minmax(200px, 1.4fr)',
      cell: ({ accounts, platform, profile_id }) => (
        <Identity name={accounts[0]?.username ?? profile_id} sub={platform} />
      ),
    },
    {
      id: 'kind',
      header: 'Finding',
      width: 'minmax(240px, 1.2fr)',
      isBeside: true,
      cell: ({ kind, severity }) => (
        <Status state={kind} tone={SEVERITY[severity as keyof typeof SEVERITY] ?? 'plain'} />
      ),
    },
    {
      id: 'next',
      header: 'Next step',
      width: 'minmax(240px, 2.6fr)',
      from: 860,
      cell: ({ next_step }) => (
        <span className="truncate quiet" title={next_step.message}>
          {next_step.message}
        </span>
      ),
    },
    {
      id: 'held',
      header: 'Accounts',
      width: 'minmax(150px, 1fr)',
      from: 1080,
      cell: ({ accounts }) => (
        <span className="truncate">{accounts.map(({ provider }) => provider).join(', ')}</span>
      ),
    },
    {
      id: 'since',
      header: 'Since',
      width: 'minmax(96px, 0.6fr)',
      from: 700,
      cell: ({ since }) => <Age at={since} />,
    },
    {
      id: 'state',
      header: 'State',
      width: 'minmax(110px, 0.7fr)',
      from: 640,
      isBeside: true,
      cell: (finding) =>
        finding.state === 'open' && dismiss ? (
          <button type="button" className="link" onClick={() => dismiss(finding)}>
            Dismiss …
          </button>
        ) : (
          <span title={finding.dismissed?.reason}>
            <Status state={finding.state} tone="plain" />
          </span>
        ),
    },
  ],
  filters: [
    { name: 'kind', label: 'Kind', options: KINDS },
    { name: 'state', label: 'State', options: ['open', 'dismissed', 'closed'] },
    { name: 'provider', label: 'Provider', options: PROVIDERS },
    { name: 'platform', label: 'Platform', options: PLATFORMS },
    { name: 'profile_id', label: 'Profile', isHidden: true },
  ],
  rowId: ({ id }) => id,
  link: ({ profile_id }) => ({ to: '/profiles/$id', params: { id: profile_id } }) as never,
  moves: ['finding.opened', 'finding.closed'],
  viewsOf: 'findings',
  empty: (
    <Empty icon="findings" title="Nothing to check">
      <p>Profiles held twice, by one provider only, or taken over are listed here when found.</p>
    </Empty>
  ),
});

export function Findings() {
  const may = useMay('write');
  const [dismissing, dismiss] = useState<Finding>();
  const [list] = useState(() => listing(may ? dismiss : undefined));
  const [reason, setReason] = useState('');
  const client = useQueryClient();
  return (
    <>
      <ListPage listing={list} />
      {dismissing && (
        <Confirm
          title={`Dismiss: ${words(dismissing.kind)}`}
          action="Dismiss"
          close={() => dismiss(undefined)}
          run={async () => {
            await api.POST('/v1/findings/{id}/dismiss', {
              params: { path: { id: dismissing.id } },
              body: { reason },
            });
            await client.resetQueries({ queryKey: ['list', '/v1/findings'] });
          }}
        >
          <p>{dismissing.next_step.message} It comes back when its facts change.</p>
          <Field label="Why it is intended">
            {(ids) => (
              <input
                {...ids}
                className="input"
                required
                maxLength={1000}
                value={reason}
                onChange={({ target }) => setReason(target.value)}
              />
            )}
          </Field>
        </Confirm>
      )}
    </>
  );
}
