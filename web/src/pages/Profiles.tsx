import type { LinkProps } from '@tanstack/react-router';
import type { Profile } from '../lib/api';
import { Age } from '../ui/Age';
import { type Listing, ListPage } from '../ui/ListPage';
import { Empty } from '../ui/Problem';
import { Count, Health, Status } from '../ui/Status';
import type { Column } from '../ui/Table';
import { HEALTHS, Identity, PLATFORMS, PROVIDERS } from './Accounts';

export const profileName = (profile: Profile): string =>
  profile.username.value ?? profile.display_name.value ?? profile.id;

const COLUMNS: readonly Column<Profile>[] = [
  {
    id: 'username',
    header: 'Profile',
    sort: 'username',
    width: 'minmax(200px, 2fr)',
    cell: (profile) => <Identity name={profileName(profile)} sub={profile.platform} />,
  },
  {
    id: 'health',
    header: 'Health',
    width: 'minmax(170px, 1.2fr)',
    isBeside: true,
    cell: ({ health }) => <Health status={health.status} reason={health.reason} />,
  },
  {
    id: 'match',
    header: 'Match',
    width: 'minmax(90px, 0.7fr)',
    cell: ({ match, candidates }) => (
      <span className="row">
        <Status state={match} tone={match === 'weak' ? 'warn' : 'plain'} />
        {candidates.length > 0 && (
          <span className="quiet small">{candidates.length} candidates</span>
        )}
      </span>
    ),
  },
  {
    id: 'providers',
    header: 'Held by',
    width: 'minmax(150px, 1.2fr)',
    from: 760,
    cell: ({ providers }) => <span className="truncate">{providers.join(', ')}</span>,
  },
  {
    id: 'accounts',
    header: 'Accounts',
    width: 'minmax(80px, 0.5fr)',
    isNumber: true,
    from: 900,
    cell: ({ account_count }) => <Count value={account_count} />,
  },
  {
    id: 'conflicts',
    header: 'Conflicts',
    width: 'minmax(100px, 0.6fr)',
    from: 820,
    cell: ({ conflicts }) =>
      conflicts.length === 0 ? (
        <span className="quiet">–</span>
      ) : (
        <Status state={`${conflicts.length} fields`} tone="warn" />
      ),
  },
  {
    id: 'followers',
    header: 'Followers',
    sort: 'followers',
    width: 'minmax(90px, 0.6fr)',
    isNumber: true,
    from: 900,
    cell: ({ metrics }) => <Count value={metrics.followers.value} compact />,
  },
  {
    id: 'updated_at',
    header: 'Updated',
    sort: 'updated_at',
    width: 'minmax(96px, 0.6fr)',
    isBeside: true,
    from: 1000,
    cell: ({ updated_at }) => <Age at={updated_at} />,
  },
];

const PROFILES: Listing<'/v1/profiles'> = {
  title: 'Profiles',
  noun: 'profile',
  path: '/v1/profiles',
  columns: COLUMNS,
  search: { name: 'q', label: 'Search handles and names' },
  filters: [
    { name: 'health', label: 'Health', options: HEALTHS },
    { name: 'match', label: 'Match', options: ['strong', 'weak', 'manual', 'mixed', 'none'] },
    { name: 'has_conflicts', label: 'Conflicts', options: ['true', 'false'], isSingle: true },
    { name: 'provider', label: 'Held by', options: PROVIDERS },
    { name: 'platform', label: 'Platform', options: PLATFORMS },
    { name: 'provider_count', label: 'Providers', isHidden: true },
  ],
  rowId: ({ id }) => id,
  link: ({ id }) => ({ to: '/profiles/$id', params: { id } }) as unknown as LinkProps,
  moves: ['profile.linked', 'profile.split', 'profile.merged', 'account.discovered'],
  viewsOf: 'profiles',
  empty: (
    <Empty icon="profiles" title="No profile yet">
      <p>A profile appears with the first account of an identity that a sweep finds.</p>
    </Empty>
  ),
};

export function Profiles() {
  return <ListPage listing={PROFILES} />;
}
