import type { AccountSource } from '../accounts.js';
import { scatter } from '../deterministic.js';
import { type Fields, timestamp } from '../message.js';

const HOUR_MS = 3_600_000;

/** The creators of the sandbox's organization; no other `creator_id` exists. */
export const CREATORS: ReadonlyMap<string, string> = new Map([
  ['7d9f1c34-5b6a-4e21-9c0d-8a3b2f1e0d4c', 'Acme Group'],
  ['0c4e8d12-3f5a-4b67-8e9d-1a2b3c4d5e6f', 'Tidewater 海'],
]);
const [ACME = '', TIDEWATER = ''] = CREATORS.keys();

/** Just tracked: not refreshed yet, every counter at its default of 0. */
export function blankAccount(id: string, now: Date): Fields {
  return {
    id,
    type: 'account',
    platform: 'instagram',
    username: id,
    name: null,
    description: null,
    profile_pic_url: null,
    profile_pic_url_original: null,
    is_verified: false,
    is_active: true,
    is_unavailable: false,
    link_in_bio: null,
    creator_id: null,
    creator_name: null,
    category: null,
    metadata: null,
    added_at: timestamp(now),
    first_scrape_time: null,
    last_scrape_time: null,
    scrape_interval_hours: 24,
    follower_count: 0,
    following_count: 0,
    profile_post_count: 0,
    total_post_count: 0,
    view_count: 0,
    like_count: 0,
    comment_count: 0,
    share_count: 0,
    play_count: 0,
    saved_count: null,
    fb_play_count: null,
    ig_play_count: null,
    fb_like_count: null,
    max_recent_posts_per_account: null,
    post_lookback_days: null,
    effective_max_recent_posts_per_account: 100,
    effective_post_lookback_days: 90,
  };
}

/**
 * What a refresh at that time finds: figures that follow from `seed`, the Instagram-only ones null
 * for TikTok.
 */
export function refreshed(platform: unknown, seed: number, at: Date): Fields {
  const isInstagram = platform === 'instagram';
  const views = 1_000 + scatter(seed, 2_000_000);
  return {
    first_scrape_time: timestamp(at),
    last_scrape_time: timestamp(at),
    follower_count: 100 + scatter(seed + 1, 300_000),
    following_count: scatter(seed + 2, 3_000),
    profile_post_count: 64 + scatter(seed + 3, 900),
    total_post_count: 50,
    view_count: views,
    like_count: Math.floor(views / 22),
    comment_count: Math.floor(views / 280),
    share_count: Math.floor(views / 600),
    play_count: views,
    saved_count: isInstagram ? Math.floor(views / 400) : null,
    fb_play_count: isInstagram ? Math.floor(views / 50) : null,
    ig_play_count: isInstagram ? views : null,
    fb_like_count: isInstagram ? Math.floor(views / 900) : null,
  };
}

interface Seed {
  readonly id: string;
  readonly platform: 'instagram' | 'tiktok';
  readonly username: string;
  /** Hours since its latest refresh; null where there never was one. */
  readonly age: number | null;
  readonly more?: Fields;
}

/**
 * Tracked, paused, unavailable (also paused and never refreshed, which do not count then), never
 * refreshed, stale for its own interval, `is_active` unknown, no views (so no engagement rate), all
 * overrides set, and handles that other providers hold too.
 */
const SEEDS: readonly Seed[] = [
  {
    id: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
    platform: 'tiktok',
    username: 'creatoraudit',
    age: 3,
    more: { name: 'CreatorAudit', category: 'tech' },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000001',
    platform: 'instagram',
    username: 'acmefitness',
    age: 5,
    more: {
      name: 'Acme Fitness 💪🏽',
      description: 'Stärker werden. もっと強く。',
      is_verified: true,
      link_in_bio: 'https://acme.example/join',
      creator_id: ACME,
      creator_name: CREATORS.get(ACME),
      category: 'sports',
      metadata: { region: 'EU', 'campaign/2026': 'spring' },
      profile_pic_url: 'https://cdn.creatoraudit.example/acmefitness.jpg',
      profile_pic_url_original: 'https://instagram.example/acmefitness.jpg',
    },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000002',
    platform: 'tiktok',
    username: 'acme.running',
    age: 11,
    more: { creator_id: ACME, creator_name: CREATORS.get(ACME) },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000003',
    platform: 'instagram',
    username: 'northwind.goods',
    age: 20,
    more: { is_active: false, name: 'Northwind — Güter & Waren' },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000004',
    platform: 'instagram',
    username: 'lumen_studio',
    age: 7,
    more: { is_unavailable: true },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000005',
    platform: 'tiktok',
    username: 'gone.for.good',
    age: null,
    more: { is_unavailable: true, is_active: false },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000006',
    platform: 'instagram',
    username: 'bloom_and_oak',
    age: null,
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000007',
    platform: 'instagram',
    username: 'cafe_sao_paulo',
    age: 73,
    more: { name: 'Café São Paulo' },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000008',
    platform: 'tiktok',
    username: 'northwind.live',
    age: 14,
    more: { scrape_interval_hours: 6, name: '北風' },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-000000000009',
    platform: 'instagram',
    username: 'tidewater_yoga',
    age: 2,
    more: { is_active: null, creator_id: TIDEWATER, creator_name: CREATORS.get(TIDEWATER) },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-00000000000a',
    platform: 'tiktok',
    username: 'VelvetHammer_Gym',
    age: 1,
    more: {
      view_count: 0,
      like_count: 0,
      comment_count: 0,
      share_count: 0,
      play_count: 0,
      total_post_count: 0,
      profile_post_count: 0,
    },
  },
  {
    id: 'b1f0a9d8-1111-4c3e-9a7b-00000000000b',
    platform: 'instagram',
    username: 'harbor.kitchen',
    age: 200,
    more: {
      name: 'Harbor Kitchen مطبخ',
      scrape_interval_hours: 720,
      max_recent_posts_per_account: 25,
      post_lookback_days: 30,
      effective_max_recent_posts_per_account: 25,
      effective_post_lookback_days: 30,
    },
  },
];

function seeded(hour: number): Map<string, Fields> {
  return new Map(
    SEEDS.map(({ id, platform, username, age, more }, index): [string, Fields] => {
      const addedAt = new Date(Date.UTC(2026, 5, 1 + index, 5, 31, 56));
      const figures =
        age === null ? {} : refreshed(platform, index, new Date(hour - age * HOUR_MS));
      return [id, { ...blankAccount(id, addedAt), platform, username, ...figures, ...more }];
    }),
  );
}

const GENERATED_ID = /^5a4db0c5-0000-4000-8000-(\d{12})$/;
const GENERATED_FROM = Date.UTC(2024, 0, 1);

function generatedId(index: number): string {
  return `5a4db0c5-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

/** All refreshed within the last 20 hours; one in fifty is paused, one in a hundred unavailable. */
function generatedAccount(index: number, hour: number): Fields {
  const platform = index % 3 === 0 ? 'tiktok' : 'instagram';
  return {
    ...blankAccount(generatedId(index), new Date(GENERATED_FROM + index * 60_000)),
    platform,
    username: `creator_${index}`,
    name: `Creator ${index}`,
    is_active: index % 50 !== 49,
    is_unavailable: index % 100 === 9,
    ...refreshed(platform, index, new Date(hour - (index % 20) * HOUR_MS)),
  };
}

/**
 * Refresh times are relative to the start of the sandbox: what is stale or fresh stays so whenever
 * it is started.
 */
export function creatorauditAccounts(generated: number, startedAt: Date): AccountSource {
  // To the hour, so that a quick restart changes nothing.
  const hour = Math.floor(startedAt.getTime() / HOUR_MS) * HOUR_MS;
  return {
    seeded: seeded(hour),
    generated: {
      count: generated,
      idAt: generatedId,
      indexOf: (id) => {
        const digits = GENERATED_ID.exec(id)?.[1];
        return digits === undefined ? undefined : Number(digits);
      },
      accountAt: (index) => generatedAccount(index, hour),
    },
  };
}
