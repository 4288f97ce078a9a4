import { z } from 'zod';
import { allAtOnce, defineAdapter, get, path, remove } from '../../src/model/index.js';
import { mapAccount } from './map.js';
import { accountSchema, errorBodySchema } from './schema.js';

const accounts = allAtOnce('accounts');

/**
 * Publishes to many networks: an account is a connected profile whose credentials Octopost holds.
 */
export const octopost = defineAdapter({
  id: 'octopost',
  name: 'Octopost',
  docs: 'https://octopost.ink/docs',
  pages: { keys: 'https://octopost.ink/docs/api/authentication' },
  baseUrl: 'https://api.octopost.ink/v1',
  auth: { scheme: 'bearer' },
  // Asked for on every request; without it GET and DELETE may be refused with 400
  // (/docs/api/overview, /docs/api/errors).
  headers: { 'Content-Type': 'application/json' },
  role: 'publisher',
  platforms: [
    'twitter',
    'bluesky',
    'mastodon',
    'linkedin',
    'threads',
    'instagram',
    'facebook',
    'tiktok',
    'youtube',
  ],
  // TikTok's open ids and LinkedIn's person URNs are an app's own; Threads does not say.
  platformUserIds: {
    twitter: 'global',
    bluesky: 'global',
    mastodon: 'instance',
    linkedin: 'app',
    threads: 'app',
    instagram: 'global',
    facebook: 'global',
    tiktok: 'app',
    youtube: 'global',
  },
  // The Starter tier's rate (/docs/api/rate-limits).
  limits: { requests: 300, perSeconds: 60, concurrency: 4 },
  disconnectEffect: {
    destroysData: false,
    revokesToken: true,
    reversible: false,
    howToReconnect: 'Connect the profile again in the Octopost dashboard; it gets a new id.',
  },
  connect: {
    flow: 'dashboard',
    instructions:
      'Octopost connects accounts only in its dashboard. Connect the profile there; the next sweep adds it.',
    url: 'https://octopost.ink',
  },
  account: { schema: accountSchema, map: mapAccount, deciding: ['is_active'] },
  errorBody: {
    schema: errorBodySchema,
    read: ({ error, code, details }) => ({
      code: code ?? null,
      message: error ?? null,
      retryAfterSeconds: details?.retry_after ?? null,
    }),
    codes: {
      bad_request: 'refused',
      unauthorized: 'credential_rejected',
      forbidden: 'permission_denied',
      not_found: 'not_found',
      conflict: 'state_conflict',
      rate_limited: 'rate_limited',
    },
  },
  operations: {
    list: { request: () => get(path`/accounts`), statuses: [200], ...accounts },
    get: {
      request: ({ id }) => get(path`/accounts/${id}`),
      statuses: [200],
      response: z.looseObject({}),
    },
    verify: { request: () => get(path`/accounts`), response: accounts.response },
    disconnect: {
      request: ({ id }) => remove(path`/accounts/${id}`),
      statuses: [204],
      response: z.null(),
    },
  },
});
