import { z } from 'zod';
import type { Caller, Identity } from '../http/caller.js';
import { timestamp } from '../http/page.js';
import { endOf } from './session-life.js';
import type { ListedSession } from './sessions.repository.js';
import { keySchema, teamSchema } from './teams.schema.js';

const SESSION_EXAMPLE = {
  id: 'ses_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'session',
  key: { id: 'key_01k9z3m8q4v7x2c5n6b8a1s3d4', name: 'operations' },
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  is_current: true,
  created_at: '2026-02-09T08:02:10.000Z',
  last_used_at: '2026-02-09T11:45:00.000Z',
  expires_at: '2026-02-09T23:45:00.000Z',
};

/** A browser that is signed in, as administrators see it. */
export const sessionSchema = z
  .object({
    id: z.string(),
    type: z.literal('session'),
    key: z.object({ id: z.string(), name: z.string() }),
    user_agent: z.string().nullable(),
    is_current: z.boolean().meta({ description: 'Whether it is the session of this request.' }),
    created_at: timestamp,
    last_used_at: timestamp.meta({ description: 'Accurate to the minute.' }),
    expires_at: timestamp.meta({
      description: 'When it ends: 12 hours after its last use, at most 7 days after the sign-in.',
    }),
  })
  .meta({ id: 'Session', examples: [SESSION_EXAMPLE] });

const whoSchema = z.object({
  team: teamSchema.pick({ id: true, name: true }),
  key: keySchema
    .pick({ id: true, name: true, scopes: true, providers: true, expires_at: true })
    .extend({ is_root: z.boolean() }),
});

/** The request's own session, with what it may do. */
export const ownSessionSchema = z
  .object({ ...sessionSchema.omit({ key: true }).shape, ...whoSchema.shape })
  .meta({
    id: 'OwnSession',
    examples: [
      {
        ...SESSION_EXAMPLE,
        team: { id: 'team_01k9z3m8q4v7x2c5n6b8a1s3d4', name: 'Social' },
        key: {
          ...SESSION_EXAMPLE.key,
          scopes: ['read', 'write'],
          providers: [],
          expires_at: null,
          is_root: false,
        },
      },
    ],
  });

export function toSession(row: ListedSession, caller: Pick<Caller, 'sessionId'>) {
  return {
    id: row.id,
    type: 'session',
    key: { id: row.keyId, name: row.key.name },
    user_agent: row.userAgent,
    is_current: row.id === caller.sessionId,
    created_at: row.createdAt,
    last_used_at: row.lastUsedAt,
    expires_at: endOf(row.lastUsedAt, row.expiresAt, row.key.expiresAt),
  };
}

export function toOwnSession(row: ListedSession, { teamId, teamName, key }: Identity) {
  const { id, name, scopes, providers, expiresAt, isRoot } = key;
  return {
    ...toSession(row, { sessionId: row.id }),
    team: { id: teamId, name: teamName },
    key: { id, name, scopes, providers, expires_at: expiresAt, is_root: isRoot },
  };
}
