import { z } from 'zod';
import { defineAdapter, get, handle, patch, path, post, remove } from '../../src/model/index.js';
import { mapAccount, mapActivity, mapStats, nextCursor } from './map.js';
import {
  accountIdSchema,
  accountSchema,
  activitySchema,
  errorBodySchema,
  pageSchema,
  statsSchema,
} from './schema.js';
import { settingsSchema } from './settings.js';

/** An account as it came, for `accountSchema` to read later. */
const rawAccount = z.looseObject({});

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
  account: { schema: accountSchema, map: mapAccount, deciding: ['status'] },
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
      request: ({ cursor, limit }) => get(path`/accounts`, { limit, cursor }),
      statuses: [200],
      response: pageSchema(z.unknown()),
      map: (page) => ({ items: page.data, next: nextCursor(page) }),
    },
    get: {
      request: ({ id }) => get(path`/accounts/${id}`),
      statuses: [200],
      response: rawAccount,
    },
    verify: {
      request: () => get(path`/accounts`, { limit: 1 }),
      response: pageSchema(z.unknown()),
    },
    create: {
      request: ({ platform, username, settings }) =>
        post(path`/accounts`, {
          ...settings,
          platform,
          instagram_username: handle(username.trim()) ?? username,
        }),
      response: rawAccount,
    },
    update: {
      request: ({ id, settings }) => patch(path`/accounts/${id}`, settings),
      response: rawAccount,
    },
    pause: {
      request: ({ id }) => post(path`/engagement/pause`, { account_id: id }),
      response: z.object({ account_id: accountIdSchema, status: z.literal('paused') }),
      subject: ({ account_id }) => account_id,
    },
    resume: {
      request: ({ id }) => post(path`/engagement/resume`, { account_id: id }),
      response: z.object({ account_id: accountIdSchema, status: z.literal('active') }),
      subject: ({ account_id }) => account_id,
    },
    activity: {
      request: ({ id, type, date, limit, cursor }) =>
        get(path`/engagement/activity`, { account_id: id, type, date, limit, cursor }),
      response: pageSchema(activitySchema),
      map: (page) => ({ items: page.data.map(mapActivity), next: nextCursor(page) }),
    },
    stats: {
      request: ({ id }) => get(path`/engagement/stats`, { account_id: id }),
      response: statsSchema,
      map: mapStats,
      subject: ({ account_id }) => account_id,
    },
    disconnect: {
      request: ({ id }) => remove(path`/accounts/${id}`),
      response: z.object({ id: accountIdSchema, deleted: z.literal(true) }),
      subject: (answer) => answer.id,
    },
  },
});
