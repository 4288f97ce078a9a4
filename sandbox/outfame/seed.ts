import type { AccountSource } from '../accounts.js';
import { scatter } from '../deterministic.js';
import { type Fields, timestamp } from '../message.js';

/** Outfame docs, Accounts reference: what a new account gets unless the caller says otherwise. */
const DEFAULT_DAILY_LIMITS: Fields = {
  likes: 150,
  follows: 60,
  comments: 20,
  story_views: 200,
};

/** Outfame docs, /docs/api/targeting: the defaults of the filters. */
const DEFAULT_TARGETING: Fields = {
  competitor_accounts: [],
  hashtags: [],
  locations: [],
  interests: [],
  filters: {
    age_range: { min: 13, max: 65 },
    gender: 'all',
    language: null,
    activity_level: 'medium',
  },
};

/** A new account: no figures yet, default settings. */
export function blankAccount(id: string, now: Date): Fields {
  return {
    id,
    instagram_username: id,
    platform: 'instagram',
    status: 'active',
    followers_count: 0,
    following_count: 0,
    engagement_rate: 0,
    growth_rate: 0,
    targeting_config: DEFAULT_TARGETING,
    daily_limits: DEFAULT_DAILY_LIMITS,
    created_at: timestamp(now),
    updated_at: timestamp(now),
  };
}

/**
 * Every status on both platforms, and: settings that hold Unicode and commas, times with fractions
 * and offsets (only "ISO 8601" is promised), a handle with capitals, handles that other providers
 * hold too, and an id that Octopost uses as well.
 */
const SEEDS: readonly Fields[] = [
  seed('acc_7Gx2kLm9Qr', 'yourhandle', {
    followers_count: 14832,
    following_count: 1205,
    engagement_rate: 4.17,
    growth_rate: 12.5,
    targeting_config: {
      competitor_accounts: ['competitor1', 'competitor2'],
      hashtags: ['fitness', 'wellness'],
      locations: [{ name: 'Los Angeles, CA', radius_km: 50 }],
      interests: ['health', 'nutrition'],
      filters: {
        age_range: { min: 18, max: 44 },
        gender: 'all',
        language: 'en',
        activity_level: 'high',
      },
    },
  }),
  seed('acc_aCme1Fit00', 'acmefitness', {
    followers_count: 48210,
    following_count: 312,
    engagement_rate: 3.84,
    growth_rate: 2.1,
  }),
  seed('acc_aCme2Run00', 'acme.running', {
    platform: 'tiktok',
    followers_count: 90211,
    following_count: 41,
    engagement_rate: 7.02,
  }),
  seed('acc_Set1Up0000', 'bloom_and_oak', { status: 'setup' }),
  seed('acc_Set2Up0000', 'bloom.moves', { status: 'setup', platform: 'tiktok' }),
  seed('acc_Pau1Sed000', 'northwind.goods', {
    status: 'paused',
    followers_count: 5120,
    following_count: 777,
    growth_rate: -1.4,
  }),
  seed('acc_Pau2Sed000', 'northwind.live', {
    status: 'paused',
    platform: 'tiktok',
    followers_count: 310,
  }),
  seed('acc_Sus1Pend00', 'lumen_studio', {
    status: 'suspended',
    followers_count: 20040,
    following_count: 2100,
    growth_rate: -8.25,
  }),
  seed('acc_Uni1Code00', 'cafe_sao_paulo', {
    followers_count: 7300,
    following_count: 640,
    targeting_config: {
      competitor_accounts: [],
      hashtags: ['café', 'コーヒー', 'قهوة'],
      locations: [{ name: 'São Paulo, SP, Brasil', radius_km: 25 }],
      interests: ['food'],
      filters: {
        age_range: { min: 21, max: 65 },
        gender: 'all',
        language: 'pt',
        activity_level: 'very_high',
      },
    },
  }),
  seed('acc_Tim1Zone00', 'tidewater_yoga', {
    followers_count: 1999,
    following_count: 80,
    created_at: '2026-03-01T10:30:00.250+02:00',
    updated_at: '2026-04-02T23:59:59.999-05:00',
  }),
  seed('acc_Cap1Case00', 'VelvetHammer_Gym', {
    followers_count: 12,
    following_count: 3,
    daily_limits: { likes: 10, follows: 5, comments: 0, story_views: 20 },
  }),
  seed('acc_Twin00Same', 'harbor.kitchen', {
    followers_count: 880,
    following_count: 91,
    engagement_rate: 5.5,
    growth_rate: 0.75,
  }),
];

function seed(id: string, username: string, fields: Fields): Fields {
  const times = { created_at: '2026-01-15T08:30:00Z', updated_at: '2026-02-09T11:45:22Z' };
  return { ...blankAccount(id, new Date(0)), instagram_username: username, ...times, ...fields };
}

const GENERATED_ID = /^acc_S(\d{9})$/;
const GENERATED_FROM = Date.UTC(2024, 0, 1);
const STATUSES = ['paused', 'suspended', 'setup'];

function generatedId(index: number): string {
  return `acc_S${String(index).padStart(9, '0')}`;
}

/** Two in a hundred are not active. */
function generatedAccount(index: number): Fields {
  const createdAt = new Date(GENERATED_FROM + index * 60_000);
  return {
    ...blankAccount(generatedId(index), createdAt),
    instagram_username: `creator_${index}`,
    platform: index % 3 === 0 ? 'tiktok' : 'instagram',
    status: index % 50 === 49 ? STATUSES[scatter(index, STATUSES.length)] : 'active',
    followers_count: scatter(index, 500_000),
    following_count: scatter(index + 1, 5_000),
    engagement_rate: scatter(index + 2, 1_000) / 100,
    growth_rate: scatter(index + 3, 4_000) / 100 - 10,
  };
}

export function outfameAccounts(generated: number): AccountSource {
  return {
    seeded: new Map(SEEDS.map((account) => [String(account.id), account])),
    generated: {
      count: generated,
      idAt: generatedId,
      indexOf: (id) => {
        const digits = GENERATED_ID.exec(id)?.[1];
        return digits === undefined ? undefined : Number(digits);
      },
      accountAt: generatedAccount,
    },
  };
}
