import { z } from 'zod';
import type { ApiKey, Team } from '../database/prisma-client/client.js';
import { type Identity, SCOPES } from '../http/caller.js';
import { timestamp } from '../http/page.js';
import { MAX_PROVIDERS, rateLimit } from './teams.requests.js';

const scopes = z.array(z.enum(SCOPES)).max(SCOPES.length);
const TEAM_EXAMPLE = {
  id: 'team_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'team',
  name: 'Social',
  created_at: '2026-01-15T08:00:00.000Z',
};
export const teamSchema = z
  .object({ id: z.string(), type: z.literal('team'), name: z.string(), created_at: timestamp })
  .meta({
    id: 'Team',
    examples: [TEAM_EXAMPLE],
  });
const KEY_EXAMPLE = {
  id: 'key_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'key',
  name: 'health monitor',
  scopes: ['read'],
  providers: [],
  rate_limit: null,
  created_by: { key_id: 'key_01k9z3m8q4v7x2c5n6b8a1s3d3', name: 'operations' },
  expires_at: '2027-01-15T08:00:00.000Z',
  last_used_at: '2026-02-09T11:45:00.000Z',
  created_at: '2026-01-15T08:00:00.000Z',
};
export const keySchema = z
  .object({
    id: z.string(),
    type: z.literal('key'),
    name: z.string(),
    scopes,
    providers: z.array(z.string()).max(MAX_PROVIDERS),
    rate_limit: rateLimit.nullable().meta({ description: 'Null: the default rate limit.' }),
    created_by: z.object({ key_id: z.string(), name: z.string() }).nullable().meta({
      description:
        'The key that created it. Null: the gateway itself, or a release that did not record it.',
    }),
    expires_at: timestamp.nullable(),
    last_used_at: timestamp.nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'Key', examples: [KEY_EXAMPLE] });

/** With the key itself, which is shown only in this response. */
export const keyWithSecret = keySchema.extend({ key: z.string() }).meta({
  examples: [
    {
      ...KEY_EXAMPLE,
      last_used_at: null,
      key: 'rc_01k9z3m8q4v7x2c5n6b8a1s3d4_qW3eR5tY7uI9oP1aS2dF4gH6jK8lZ0xCvB7nM',
    },
  ],
});

export const whoamiSchema = z.object({
  type: z.literal('whoami'),
  team: z
    .object({ id: z.string(), name: z.string() })
    .meta({ examples: [{ id: TEAM_EXAMPLE.id, name: TEAM_EXAMPLE.name }] }),
  key: z
    .object({
      id: z.string(),
      name: z.string(),
      scopes,
      expires_at: timestamp.nullable(),
    })
    .meta({
      examples: [
        {
          id: KEY_EXAMPLE.id,
          name: KEY_EXAMPLE.name,
          scopes: KEY_EXAMPLE.scopes,
          expires_at: KEY_EXAMPLE.expires_at,
        },
      ],
    }),
});

export function toTeam({ id, name, createdAt }: Team) {
  return { id, type: 'team', name, created_at: createdAt };
}

export function toKey(row: ApiKey) {
  return {
    id: row.id,
    type: 'key',
    name: row.name,
    scopes: row.scopes,
    providers: row.providers,
    rate_limit:
      row.rateQuota === null || row.rateWindowSeconds === null
        ? null
        : { quota: row.rateQuota, window_seconds: row.rateWindowSeconds },
    created_by:
      row.createdById === null ? null : { key_id: row.createdById, name: row.createdByName ?? '' },
    expires_at: row.expiresAt,
    last_used_at: row.lastUsedAt,
    created_at: row.createdAt,
  };
}

export function toWhoami({ teamId, teamName, key }: Identity) {
  const { id, name, scopes, expiresAt } = key;
  return {
    type: 'whoami',
    team: { id: teamId, name: teamName },
    key: { id, name, scopes, expires_at: expiresAt },
  };
}
