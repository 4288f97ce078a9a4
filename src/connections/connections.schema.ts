import { z } from 'zod';
import type { Connection } from '../database/prisma-client/client.js';
import { timestamp } from '../http/page.js';

const failure = z.object({ code: z.string(), message: z.string(), at: timestamp });

/** A connection as the API answers it: everything but its credentials. */
export const connectionSchema = z
  .object({
    id: z.string(),
    type: z.literal('connection'),
    provider: z.string(),
    name: z.string(),
    source: z.enum(['api', 'environment', 'sandbox']),
    base_url: z.string().nullable(),
    state: z.enum(['active', 'credential_rejected']),
    paused: z.boolean().meta({
      description:
        'Its provider is not called: there are no sweeps, requests that need the provider are answered 409, and disconnect steps wait.',
    }),
    state_since: timestamp,
    sweep_interval_seconds: z.int(),
    next_sweep_at: timestamp,
    swept_at: timestamp.nullable(),
    last_error: failure.nullable(),
    hook_path: z.string().nullable().meta({
      description:
        "Where the provider may report changes: accounts that a report names are checked, and any other report brings the next sweep forward. A secret path under the gateway's address. Only in the answers to POST and PATCH; `null` where the provider reports nothing.",
    }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({
    id: 'Connection',
    examples: [
      {
        id: 'conn_01k9z3m8q4v7x2c5n6b8a1s3d4',
        type: 'connection',
        provider: 'octopost',
        name: 'octopost',
        source: 'api',
        base_url: null,
        state: 'active',
        paused: false,
        state_since: '2026-01-15T08:30:00.000Z',
        sweep_interval_seconds: 300,
        next_sweep_at: '2026-02-09T11:50:20.000Z',
        swept_at: '2026-02-09T11:45:22.000Z',
        last_error: null,
        hook_path: null,
        created_at: '2026-01-15T08:30:00.000Z',
        updated_at: '2026-01-15T08:30:00.000Z',
      },
    ],
  });

/**
 * A row as the API answers it; credentials stay behind.
 * @param hookPath for those who may change it
 */
export function toAnswer(row: Connection, hookPath: string | null = null) {
  return {
    id: row.id,
    type: 'connection',
    provider: row.provider,
    name: row.name,
    source: row.source,
    base_url: row.baseUrl,
    state: row.state,
    paused: row.paused,
    state_since: row.stateSince,
    sweep_interval_seconds: row.sweepIntervalSeconds,
    next_sweep_at: row.nextSweepAt,
    swept_at: row.sweptAt,
    last_error: row.lastError,
    hook_path: hookPath,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}
