import { z } from 'zod';
import { allAtOnce, defineAdapter, get, path, post, remove } from '../../src/model/index.js';
import { accountId, accountIdIn, joinKey, mapAccount, splitAccountId } from './map.js';
import { accountSchema, errorBodySchema, pairSchema } from './schema.js';

/** List and bulk health alike. */
const accounts = allAtOnce('accounts');

/**
 * Posts for accounts connected over each network's OAuth: an account is a stored OAuth connection.
 */
export const socialsyncer = defineAdapter({
  id: 'socialsyncer',
  name: 'SocialSyncer',
  docs: 'https://social-syncer-api.com/docs',
  pages: { keys: 'https://social-syncer-api.com/docs/authentication' },
  baseUrl: 'https://api.socialsyncerapi.com/v1',
  auth: { scheme: 'bearer' },
  role: 'publisher',
  platforms: ['instagram', 'facebook', 'threads', 'tiktok', 'twitter'],
  // TikTok's open ids are an app's own; Threads does not say.
  platformUserIds: {
    instagram: 'global',
    facebook: 'global',
    threads: 'app',
    tiktok: 'app',
    twitter: 'global',
  },
  // The paid plans' rate (/docs/authentication).
  limits: { requests: 600, perSeconds: 60, concurrency: 4 },
  disconnectEffect: {
    destroysData: false,
    revokesToken: true,
    reversible: false,
    howToReconnect:
      "Run the OAuth flow again with POST /v1/connect; the account's owner must consent again on the platform.",
  },
  connect: {
    flow: 'oauth',
    instructions:
      "Start the platform's OAuth flow with POST /v1/connect and send the account's owner to the returned `auth_url`.",
    url: 'https://social-syncer-api.com/docs/api/connect',
  },
  account: {
    schema: accountSchema,
    map: mapAccount,
    id: accountIdIn,
    deciding: ['tokenValid', 'health'],
    joinKey,
  },
  errorBody: {
    schema: errorBodySchema,
    read: ({ error, code }) => ({ code: code ?? null, message: error ?? null }),
    codes: {
      VALIDATION_ERROR: 'refused',
      AUTH_MISSING_KEY: 'credential_rejected',
      AUTH_INVALID_KEY: 'credential_rejected',
      NOT_FOUND: 'not_found',
      RATE_LIMIT_EXCEEDED: 'rate_limited',
      INTERNAL_ERROR: 'server_error',
    },
  },
  operations: {
    list: { request: () => get(path`/accounts`), statuses: [200], ...accounts },
    health: { request: () => get(path`/accounts/health`), statuses: [200], ...accounts },
    verify: { request: () => get(path`/accounts`), response: accounts.response },
    connectStart: {
      request: ({ platform, redirectUrl }) =>
        get(path`/connect/${platform}`, { redirect_url: redirectUrl }),
      response: z.object({ authUrl: z.url({ protocol: /^https?$/ }) }),
      map: ({ authUrl }) => ({ authUrl }),
    },
    connectComplete: {
      request: ({ platform, code, redirectUrl }) =>
        post(path`/connect/${platform}`, { code, redirect_url: redirectUrl }),
      response: pairSchema,
      map: (pair) => ({ id: accountId(pair) }),
    },
    disconnect: {
      request: ({ id }) =>
        remove(path`/accounts/${splitAccountId(id)[0]}/${splitAccountId(id)[1]}`),
      response: z.object({ deleted: z.literal(true) }),
    },
  },
});
