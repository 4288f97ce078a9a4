import { z } from 'zod';
import { timestamp } from '../accounts/account.schema.js';

export const DISCONNECT_STATES = ['scheduled', 'running', 'succeeded', 'partial', 'failed', 'cancelled'] as const;
export const STEP_STATES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export const REASON_CODES = ['user_request', 'offboarding', 'security_incident', 'cleanup', 'other'] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

export const effectSchema = z.object({ destroys_data: z.boolean(), revokes_token: z.boolean(), reversible: z.boolean() });

export const stepSchema = z
  .object({
    account_id: z.string(),
    ref: z.string(),
    provider: z.string(),
    platform: z.string(),
    username: z.string().nullable(),
    state: z.enum(STEP_STATES),
    outcome: z.enum(['disconnected', 'already_gone']).nullable(),
    effect: effectSchema,
    attempts: z.int(),
    next_attempt_at: timestamp.nullable(),
    verified: z.enum(['absent', 'still_present', 'pending', 'unverifiable']),
    verified_at: timestamp.nullable(),
    last_error: z.object({ code: z.string(), message: z.string(), provider_code: z.string().nullable(), at: timestamp }).nullable(),
  })
  .meta({ id: 'DisconnectStep' });

export const disconnectSchema = z
  .object({
    id: z.string(),
    type: z.literal('disconnect'),
    state: z.enum(DISCONNECT_STATES),
    reason_code: z.enum(REASON_CODES),
    reason_note: z.string().nullable(),
    requested_by: z.object({ key_id: z.string(), name: z.string() }),
    scheduled_at: timestamp.nullable(),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
    summary: z.object({ total: z.int(), succeeded: z.int(), failed: z.int(), pending: z.int(), cancelled: z.int() }),
    steps: z.array(stepSchema),
  })
  .meta({ id: 'Disconnect' });
export type DisconnectAnswer = z.input<typeof disconnectSchema>;
