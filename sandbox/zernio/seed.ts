import { type AccountSource, NO_GENERATED_ACCOUNTS } from '../accounts.js';
import { type Fields, timestamp } from '../message.js';

/**
 * A healthy account; list, bulk health and single health each show their part of it. One whose
 * `status` is null is in no bulk health.
 */
export function blankAccount(id: string, now: Date): Fields {
  return {
    _id: id,
    platform: 'instagram',
    profileId: { _id: 'prof_sandbox', name: 'Sandbox', slug: 'sandbox' },
    username: id,
    displayName: id,
    profilePicture: null,
    profileUrl: null,
    isActive: true,
    needsReconnection: false,
    status: 'healthy',
    tokenValid: true,
    tokenExpiresAt: timestamp(new Date(now.getTime() + 60 * 86_400_000)),
    needsReconnect: false,
    issues: [],
    missingRequired: [],
    recommendations: [],
  };
}

const ACME = { _id: 'prof_acme', name: 'Acme', slug: 'acme' };

/**
 * Healthy, dead by the network's own word, a token about to expire, a missing permission that only
 * the account's own health names, and an account of which no health is told.
 */
const SEEDS: readonly Fields[] = [
  seed('66f0a1b2c3d4e5f600000001', 'instagram', 'acmefitness', 'Acme Fitness', {
    profileId: ACME,
    profileUrl: 'https://www.instagram.com/acmefitness',
    followersCount: 14_832,
    followersLastUpdated: '2026-05-30T06:30:00Z',
  }),
  seed('66f0a1b2c3d4e5f600000002', 'facebook', 'Acme Fitness Club', 'Acme Fitness Club', {
    profileId: ACME,
    status: 'warning',
    missingRequired: ['pages_manage_posts'],
    recommendations: ['Reconnect the page and allow it to post.'],
  }),
  seed('66f0a1b2c3d4e5f600000003', 'twitter', '@tidewateryoga', 'Tidewater Yoga', {
    status: 'warning',
    issues: ['Token expires in 3 days.'],
  }),
  seed('66f0a1b2c3d4e5f600000004', 'tiktok', 'northwind.live', '北風', {
    needsReconnection: true,
    status: 'error',
    tokenValid: false,
    needsReconnect: true,
    issues: ['The network revoked the token.'],
  }),
  seed('66f0a1b2c3d4e5f600000005', 'linkedin', 'lumen-studio', 'Lumen Studio', { status: null }),
];

function seed(
  id: string,
  platform: string,
  username: string,
  displayName: string,
  more: Fields = {},
): Fields {
  const account = blankAccount(id, new Date(Date.UTC(2026, 8, 1)));
  return { ...account, platform, username, displayName, ...more };
}

export function zernioAccounts(): AccountSource {
  return {
    seeded: new Map(SEEDS.map((account) => [String(account._id), account])),
    generated: NO_GENERATED_ACCOUNTS,
  };
}
