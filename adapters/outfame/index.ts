import { z } from 'zod';
import { defineAdapter, handle, path } from '../../src/model/index.js';
import { mapAccount, mapActivity, mapStats, nextCursor } from './map.js';
import {
  accountIdSchema,
  accountSchema,
  activitySchema,
  errorBodySchema,
  pageSchema,
  rawAccountSchema,
  statsSchema,
} from './schema.js';
import { settingsSchema } from './settings.js';

/** Automated growth on Instagram and TikTok: an account is one profile under growth. */
export const outfame = defineAdapter({
  id: 'outfame',
  name: 'Outfame',
  docs: 'https://www.outfame.com/docs',
  pages: { keys: 'https://www.outfame.com/docs/authentication' },
  baseUrl: 'https://api.outfame.com/v1',
  auth: { scheme: 'bearer' },
  role: 'growth',
  platforms: ['instagram', 'tiktok'],
  // The Pro plan's rate (/docs/guides/rate-limits).
  limits: { requests: 500, perSeconds: 60, concurrency: 8, pageSize: 100 },
  disconnectEffect: {
    destroysData: true,
    revokesToken: false,
    reversible: false,
    howToReconnect:
      'Create the account again with POST /v1/accounts; its history, targeting and limits at Outfame cannot be restored.',
  },
  settings: settingsSchema,
  account: { schema: accountSchema, map: mapAccount, id: (item) => item.id, deciding: ['status'] },
  errorBody: {
    schema: errorBodySchema,
    read: ({ error }) => ({
      code: error.code ?? null,
      message: error.message ?? null,
      retryAfterSeconds: error.retry_after ?? null,
    }),
    // State conflicts are 400 and the plan's cap is 403, so the code decides before the status.
    codes: {
      invalid_username: 'refused',
      invalid_platform: 'refused',
      account_limit_reached: 'quota_exceeded',
      account_not_found: 'not_found',
      account_already_exists: 'already_exists',
      already_paused: 'already_so',
      already_active: 'already_so',
      account_suspended: 'state_conflict',
      account_in_setup: 'state_conflict',
      rate_limit_exceeded: 'rate_limited',
    },
  },
  operations: {
    list: {
      request: ({ cursor, limit }) => ({
        method: 'GET',
        path: path`/accounts`,
        query: { limit, cursor },
      }),
      statuses: [200],
      response: pageSchema(z.unknown()),
      map: (page) => ({ items: page.data, next: nextCursor(page) }),
    },
    get: {
      request: ({ id }) => ({ method: 'GET', path: path`/accounts/${id}` }),
      statuses: [200],
      response: rawAccountSchema,
      map: (account) => account,
    },
    verify: {
      request: () => ({ method: 'GET', path: path`/accounts`, query: { limit: 1 } }),
      response: pageSchema(z.unknown()),
      map: () => true,
    },
    create: {
      request: ({ platform, username, settings }) => ({
        method: 'POST',
        path: path`/accounts`,
        body: { ...settings, platform, instagram_username: handle(username.trim()) ?? username },
      }),
      response: rawAccountSchema,
      map: (account) => account,
    },
    update: {
      request: ({ id, settings }) => ({
        method: 'PATCH',
        path: path`/accounts/${id}`,
        body: settings,
      }),
      response: rawAccountSchema,
      map: (account) => account,
    },
    pause: {
      request: ({ id }) => ({
        method: 'POST',
        path: path`/engagement/pause`,
        body: { account_id: id },
      }),
      response: z.object({ account_id: accountIdSchema, status: z.literal('paused') }),
      map: () => true,
      subject: ({ account_id }) => account_id,
    },
    resume: {
      request: ({ id }) => ({
        method: 'POST',
        path: path`/engagement/resume`,
        body: { account_id: id },
      }),
      response: z.object({ account_id: accountIdSchema, status: z.literal('active') }),
      map: () => true,
      subject: ({ account_id }) => account_id,
    },
    activity: {
      request: ({ id, type, date, limit, cursor }) => ({
        method: 'GET',
        path: path`/engagement/activity`,
        query: { account_id: id, type, date, limit, cursor },
      }),
      response: pageSchema(activitySchema),
      map: (page) => ({ items: page.data.map(mapActivity), next: nextCursor(page) }),
    },
    stats: {
      request: ({ id }) => ({
        method: 'GET',
        path: path`/engagement/stats`,
        query: { account_id: id },
      }),
      response: statsSchema,
      map: mapStats,
      subject: ({ account_id }) => account_id,
    },
    disconnect: {
      request: ({ id }) => ({ method: 'DELETE', path: path`/accounts/${id}` }),
      response: z.object({ id: accountIdSchema, deleted: z.literal(true) }),
      map: () => true,
      subject: (answer) => answer.id,
    },
  },
});
