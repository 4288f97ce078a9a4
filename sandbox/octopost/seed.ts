import { type AccountSource, NO_GENERATED_ACCOUNTS } from '../accounts.js';
import { type Fields, timestamp } from '../message.js';

/** A healthy account that was never published through. */
export function blankAccount(id: string, now: Date): Fields {
  return {
    id,
    platform: 'twitter',
    platform_user_id: id,
    username: id,
    display_name: id,
    avatar_url: null,
    is_active: true,
    connected_at: timestamp(now),
    last_used_at: null,
  };
}

/**
 * All documented networks and one that is not (`discord`), network ids with `:`, `.`, `-` and `_`,
 * 17-digit ids that SocialSyncer holds too, a handle that it holds under another id, the Open ID that TikTok gives this app for one that it
 * holds by its own, handles that are domains or hold an `@`, an empty display name, lost tokens, and an id that Outfame uses as well.
 */
const SEEDS: readonly Fields[] = [
  seed('acc_abc123', 'twitter', '1234567890', 'acmefitness', 'Acme Fitness', 1, {
    last_used_at: '2026-04-03T12:05:00Z',
  }),
  seed(
    'acc_def456',
    'bluesky',
    'did:plc:z72i7hdynmk6r22z27h6tvur',
    'acmefitness.bsky.social',
    'Acme Fitness 💪',
    2,
    {
      avatar_url: 'https://cdn.bsky.app/avatars/acmefitness.jpg',
      last_used_at: '2026-04-03T12:05:00Z',
    },
  ),
  seed(
    'acc_ghi789',
    'linkedin',
    'urn:li:person:a1B2-c3_D4',
    'acme-fitness',
    'Acme Fitness Inc.',
    3,
    {
      is_active: false,
      last_used_at: '2026-03-28T16:00:00Z',
    },
  ),
  seed('acc_jkl012', 'instagram', '17841400123456789', 'acmefitness', 'Acme Fitness', 4, {
    last_used_at: '2026-04-01T09:00:00Z',
  }),
  seed('acc_mno345', 'mastodon', '109876543210987654', 'acme@mastodon.social', 'Acme', 5),
  seed(
    'acc_pqr678',
    'threads',
    '17841400999888777',
    'northwind.goods',
    'Northwind — Güter & Waren',
    6,
  ),
  seed('acc_stu901', 'facebook', '111222333444555', 'acmefitnessclub', 'Acme Fitness Club', 7),
  seed('acc_vwx234', 'tiktok', '-000hTn4_w.Lk-Qe', 'northwind.live', '北風', 8, {
    is_active: false,
  }),
  seed('acc_yza567', 'youtube', 'UC-lHJZR3Gqxm24_Vd_AJ5Yw', 'tidewateryoga', 'Tidewater Yoga', 9, {
    last_used_at: '2026-05-30T06:30:00Z',
  }),
  seed('acc_bcd890', 'discord', '80351110224678912', 'lumen_studio', 'Lumen Studio', 10),
  seed('acc_efg135', 'twitter', '2244994946', 'LumenStudio_', '', 11),
  seed(
    'acc_Twin00Same',
    'instagram',
    '17841400555000111',
    'harbor.kitchen',
    'Harbor Kitchen مطبخ',
    12,
  ),
];

function seed(
  id: string,
  platform: string,
  platform_user_id: string,
  username: string,
  display_name: string,
  day: number,
  more: Fields = {},
): Fields {
  const connected_at = timestamp(new Date(Date.UTC(2026, 2, day, 10)));
  return {
    ...blankAccount(id, new Date(0)),
    platform,
    platform_user_id,
    username,
    display_name,
    connected_at,
    ...more,
  };
}

export function octopostAccounts(): AccountSource {
  return {
    seeded: new Map(SEEDS.map((account) => [String(account.id), account])),
    generated: NO_GENERATED_ACCOUNTS,
  };
}
