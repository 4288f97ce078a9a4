import { type AccountSource, NO_GENERATED_ACCOUNTS } from '../accounts.js';
import { type Fields, timestamp } from '../message.js';

const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  instagram: ['instagram_basic', 'instagram_content_publish'],
  facebook: ['pages_show_list', 'pages_manage_posts'],
  threads: ['threads_basic', 'threads_content_publish'],
  tiktok: ['user.info.basic', 'video.publish'],
  twitter: ['tweet.read', 'tweet.write'],
};

/**
 * The sandbox's own key of an account; at SocialSyncer it is the pair. No network's name holds a
 * slash.
 */
export function accountKey(platform: string, accountId: string): string {
  return `${platform}/${accountId}`;
}

/**
 * A healthy connection; list and health each show their part of it. `key` is
 * `{platform}/{accountId}`.
 */
export function blankAccount(key: string, now: Date): Fields {
  const [platform = '', ...accountId] = key.split('/');
  return {
    platform,
    accountId: accountId.join('/'),
    username: `user_${accountId.join('/')}`,
    connectedAt: timestamp(now),
    health: 'healthy',
    tokenValid: true,
    permissions: PERMISSIONS[platform] ?? [],
    recommendations: [],
  };
}

/**
 * Health: fine, a warning, an unknown word, and lost tokens (one that is called healthy all the
 * same: the token decides). Handles with `@`, page titles with spaces and Unicode; Open IDs with
 * `-`, `_`, `.` and `/`; ids that Octopost holds too.
 */
const SEEDS: readonly (readonly [key: string, username: string, more?: Fields])[] = [
  ['instagram/17841400123456789', 'acmefitness'],
  ['facebook/111222333444555', 'Acme Fitness Club'],
  [
    'twitter/1234567890',
    '@acmefitness',
    { health: 'warning', recommendations: ['Token expires in 3 days. Consider reconnecting.'] },
  ],
  [
    'threads/17841400999888777',
    'northwind.goods',
    { health: 'warning', tokenValid: false, recommendations: ['Reconnect the account.'] },
  ],
  ['tiktok/_000MpQ-9.xZ_tK', 'northwind.live'],
  [
    'tiktok/723f24d7-e717-40f8-a2b6/cb8464cd',
    'bloom.moves',
    { health: 'degraded', recommendations: ['Posting is slower than usual.'] },
  ],
  [
    'facebook/222333444555666',
    'Café Zürich ☕ 東京',
    {
      permissions: ['pages_show_list'],
      health: 'warning',
      recommendations: ['Grant pages_manage_posts.'],
    },
  ],
  ['instagram/17841400777666555', 'lumen_studio', { tokenValid: false }],
  ['twitter/2244994945', '@LumenStudio_'],
  [
    'instagram/17841400222333444',
    'tidewater_yoga',
    { health: 'error', tokenValid: false, permissions: [] },
  ],
];

export function socialsyncerAccounts(): AccountSource {
  const seeded = SEEDS.map(([key, username, more], index): [string, Fields] => {
    const connectedAt = new Date(Date.UTC(2026, 0, 15, 10, 5 * index));
    return [key, { ...blankAccount(key, connectedAt), username, ...more }];
  });
  return { seeded: new Map(seeded), generated: NO_GENERATED_ACCOUNTS };
}
