import { z } from 'zod';
import { defineAdapter, handle, path } from '../../src/model/index.js';
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
    id: (item) => item.id,
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
      request: ({ cursor, limit }) => ({
        method: 'GET',
        path: path`/accounts`,
        query: { limit, cursor },
      }),
      statuses: [200],
      response: pageSchema,
      map: ({ data, pagination }) => ({
        items: data,
        next: pagination.has_next ? (pagination.next_cursor ?? undefined) : undefined,
      }),
    },
    get: {
      request: ({ id }) => ({ method: 'GET', path: path`/accounts/${id}` }),
      statuses: [200],
      response: rawAccountSchema,
      map: ({ data }) => data,
    },
    verify: {
      request: () => ({ method: 'GET', path: path`/whoami` }),
      response: z.object({ data: z.object({ type: z.literal('whoami') }) }),
      map: () => true,
    },
    create: {
      request: ({ platform, username, settings }) => ({
        method: 'POST',
        path: path`/accounts`,
        body: { ...settings, platform, username: handle(username.trim()) ?? username },
      }),
      response: rawAccountSchema,
      map: ({ data }) => data,
    },
    update: {
      request: ({ id, settings }) => ({
        method: 'PATCH',
        path: path`/accounts/${id}`,
        body: settings,
      }),
      response: rawAccountSchema,
      map: ({ data }) => data,
    },
    // The answers of PATCH and DELETE are not documented: any success counts, with or without a
    // body.
    pause: {
      request: ({ id }) => ({
        method: 'PATCH',
        path: path`/accounts/${id}`,
        body: { is_active: false },
      }),
      response: z.unknown(),
      map: () => true,
      subject: accountIdIn,
    },
    resume: {
      request: ({ id }) => ({
        method: 'PATCH',
        path: path`/accounts/${id}`,
        body: { is_active: true },
      }),
      response: z.unknown(),
      map: () => true,
      subject: accountIdIn,
    },
    disconnect: {
      request: ({ id }) => ({ method: 'DELETE', path: path`/accounts/${id}` }),
      response: z.unknown(),
      map: () => true,
      subject: accountIdIn,
    },
  },
});
