import { z } from 'zod';
import { defineAdapter, path } from '../../src/model/index.js';
import { accountId, accountIdIn, joinKey, mapAccount, splitAccountId } from './map.js';
import { accountSchema, accountsSchema, errorBodySchema, pairSchema } from './schema.js';

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
  limits: {
    requests: 600,
    perSeconds: 60,
    concurrency: 4,
    pageSize: 200,
    maxAnswerBytes: 64 * 1024 * 1024,
  },
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
    list: {
      request: () => ({ method: 'GET', path: path`/accounts` }),
      statuses: [200],
      response: accountsSchema,
      map: ({ accounts }) => ({ items: accounts, next: undefined }),
    },
    health: {
      request: () => ({ method: 'GET', path: path`/accounts/health` }),
      statuses: [200],
      response: accountsSchema,
      map: ({ accounts }) => ({ items: accounts }),
    },
    verify: {
      request: () => ({ method: 'GET', path: path`/accounts` }),
      response: accountsSchema,
      map: () => true,
    },
    connectStart: {
      request: ({ platform, redirectUrl }) => ({
        method: 'GET',
        path: path`/connect/${platform}`,
        query: { redirect_url: redirectUrl },
      }),
      response: z.object({ authUrl: z.url({ protocol: /^https?$/ }) }),
      map: ({ authUrl }) => ({ authUrl }),
    },
    connectComplete: {
      request: ({ platform, code, redirectUrl }) => ({
        method: 'POST',
        path: path`/connect/${platform}`,
        body: { code, redirect_url: redirectUrl },
      }),
      response: pairSchema,
      map: (pair) => ({ id: accountId(pair) }),
    },
    disconnect: {
      request: ({ id }) => ({
        method: 'DELETE',
        path: path`/accounts/${splitAccountId(id)[0]}/${splitAccountId(id)[1]}`,
      }),
      response: z.object({ deleted: z.literal(true) }),
      map: () => true,
    },
  },
});
