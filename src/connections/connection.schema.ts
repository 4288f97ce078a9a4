import { z } from 'zod';
import { timestamp } from '../http/page.js';
import { words } from '../http/validate.js';

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
    state_since: timestamp,
    sweep_interval_seconds: z.int(),
    next_sweep_at: timestamp,
    swept_at: timestamp.nullable(),
    last_error: failure.nullable(),
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
        state_since: '2026-01-15T08:30:00.000Z',
        sweep_interval_seconds: 300,
        next_sweep_at: '2026-02-09T11:50:20.000Z',
        swept_at: '2026-02-09T11:45:22.000Z',
        last_error: null,
        created_at: '2026-01-15T08:30:00.000Z',
        updated_at: '2026-01-15T08:30:00.000Z',
      },
    ],
  });

const name = words(100);
const credentials = z.strictObject({ api_key: words(4096) });
const interval = z.int().min(10).max(86_400);
/** A password in it would be shown with it, and a query would not reach the provider. */
const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(2000)
  .refine(
    (address) => !/[@?#]/.test(address),
    'must not contain a user name, password, query or fragment',
  )
  .transform((address) => address.replace(/\/+$/, ''));

export const connectionRequest = z
  .strictObject({
    provider: z.string(),
    name: name.optional(),
    credentials,
    sweep_interval_seconds: interval.optional(),
    base_url: baseUrl.optional(),
    verify: z.boolean().default(true),
  })
  .meta({
    examples: [{ provider: 'octopost', credentials: { api_key: 'oct_live_0123456789abcdef' } }],
  });
export type ConnectionRequest = z.output<typeof connectionRequest>;

export const connectionChange = z
  .strictObject({
    name: name.optional(),
    credentials: credentials.optional(),
    sweep_interval_seconds: interval.optional(),
    base_url: baseUrl.nullable().optional(),
    verify: z.boolean().default(true),
  })
  .meta({ examples: [{ credentials: { api_key: 'oct_live_fedcba9876543210' } }] });
export type ConnectionChange = z.output<typeof connectionChange>;
