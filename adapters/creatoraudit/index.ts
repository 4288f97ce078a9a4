import { z } from 'zod';
import { defineAdapter, get, handle, patch, path, post, remove } from '../../src/model/index.js';
import { mapAccount } from './map.js';
import {
  accountIdIn,
  accountSchema,
  errorBodySchema,
  pageSchema,
  rawAccountSchema,
} from './schema.js';
import { createSettingsSchema, settingsSchema } from './settings.js';

/** Tracks public Instagram and TikTok profiles: an account is a tracking record, not a login. */
export const creatoraudit = defineAdapter({
  id: 'creatoraudit',
  name: 'CreatorAudit',
  docs: 'https://docs.creatoraudit.com',
  pages: {
    keys: 'https://docs.creatoraudit.com/security',
    freshness: 'https://docs.creatoraudit.com/data-freshness',
  },
  baseUrl: 'https://api.creatoraudit.com/v2',
  // The published document has POST /accounts alone.
  undocumented: ['list', 'get', 'verify', 'update', 'pause', 'resume', 'disconnect'],
  auth: { scheme: 'bearer' },
  role: 'measurement',
  platforms: ['instagram', 'tiktok'],
  // The sample of /api-reference/rate-limits; the response headers announce the real rate.
  limits: { requests: 600, perSeconds: 60, concurrency: 8, pageSize: 200 },
  disconnectEffect: {
    destroysData: true,
    revokesToken: false,
    reversible: false,
    howToReconnect:
      'Track the profile again with POST /v1/accounts; it starts without history, under a new id.',
  },
  settings: settingsSchema,
  createSettings: createSettingsSchema,
  account: {
    schema: accountSchema,
    map: mapAccount,
    deciding: ['is_unavailable', 'is_active', 'last_scrape_time'],
    memberOfGet: 'data',
  },
  errorBody: {
    schema: errorBodySchema,
    read: ({ code, detail }) => ({ code: code ?? null, message: detail ?? null }),
    // 403 has three meanings. CONFLICT is left to its status: a duplicate on create, a state
    // conflict elsewhere.
    codes: {
      BAD_REQUEST: 'refused',
      UNAUTHORIZED: 'credential_rejected',
      FORBIDDEN: 'credential_rejected',
      INSUFFICIENT_SCOPE: 'permission_denied',
      QUOTA_EXCEEDED: 'quota_exceeded',
      NOT_FOUND: 'not_found',
      NOT_ACCEPTABLE: 'refused',
      UNSUPPORTED_MEDIA_TYPE: 'refused',
      VALIDATION_ERROR: 'refused',
      RATE_LIMITED: 'rate_limited',
      INTERNAL_ERROR: 'server_error',
      UPSTREAM_ERROR: 'server_error',
      SERVICE_UNAVAILABLE: 'unavailable',
    },
  },
  operations: {
    list: {
      request: ({ cursor, limit }) => get(path`/accounts`, { limit, cursor }),
      statuses: [200],
      response: pageSchema,
      map: ({ data, pagination }) => ({
        items: data,
        next: pagination.has_next ? (pagination.next_cursor ?? undefined) : undefined,
      }),
    },
    get: {
      request: ({ id }) => get(path`/accounts/${id}`),
      statuses: [200],
      response: rawAccountSchema,
      map: ({ data }) => data,
    },
    verify: {
      request: () => get(path`/whoami`),
      response: z.object({ data: z.object({ type: z.literal('whoami') }) }),
    },
    create: {
      request: ({ platform, username, settings }) =>
        post(path`/accounts`, {
          ...settings,
          platform,
          username: handle(username.trim()) ?? username,
        }),
      response: rawAccountSchema,
      map: ({ data }) => data,
    },
    update: {
      request: ({ id, settings }) => patch(path`/accounts/${id}`, settings),
      response: rawAccountSchema,
      map: ({ data }) => data,
    },
    // The answers of PATCH and DELETE are not documented: any success counts, with or without a
    // body.
    pause: {
      request: ({ id }) => patch(path`/accounts/${id}`, { is_active: false }),
      response: z.unknown(),
      subject: accountIdIn,
    },
    resume: {
      request: ({ id }) => patch(path`/accounts/${id}`, { is_active: true }),
      response: z.unknown(),
      subject: accountIdIn,
    },
    disconnect: {
      request: ({ id }) => remove(path`/accounts/${id}`),
      response: z.unknown(),
      subject: accountIdIn,
    },
  },
});
