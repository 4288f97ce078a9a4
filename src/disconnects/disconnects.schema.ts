import { z } from 'zod';
import { COMPARED_FACTS } from '../accounts/index.js';
import { MAX_PAGE, timestamp } from '../http/page.js';
import { ACCOUNT_STATUSES } from '../model/index.js';
import { MAX_PROVIDERS } from '../teams/index.js';
import {
  DISCONNECT_EXAMPLE,
  PLAN_EXAMPLE,
  RECEIPT_EXAMPLE,
  STEP_EXAMPLE,
} from './disconnects.example.js';

export const DISCONNECT_STATES = [
  'scheduled',
  'awaiting_approval',
  'running',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
] as const;
/** Accounts in one disconnect. */
export const MAX_ACCOUNTS = 10_000;
/** Of a step: the last of every shape of every call stays. */
const MAX_EVIDENCE_SHOWN = 100;
const MAX_RECEIPT_KEYS = 100;

export const STEP_STATES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export const REASON_CODES = [
  'user_request',
  'offboarding',
  'security_incident',
  'cleanup',
  'other',
] as const;
/** Why accounts of a profile stay out of its disconnect. */
export const EXCLUSION_REASONS = ['weak_match', 'disconnecting'] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

/** `null`: the provider does not say. */
const effectSchema = z.object({
  destroys_data: z.boolean().nullable(),
  revokes_token: z.boolean().nullable(),
  reversible: z.boolean().nullable(),
});

/** Who was meant. `null`: the provider did not say. */
const identitySchema = z.object({
  platform: z.string(),
  platform_user_id: z.string().nullable(),
  username: z.string().nullable(),
  connected_at: timestamp.nullable(),
});

const evidenceSchema = z.object({
  call: z.enum(['look', 'pause', 'delete', 'verify', 'resume']),
  status: z.int().nullable().meta({ description: 'HTTP status; null when there was no response.' }),
  shape: z.string().nullable().meta({
    description:
      'What the response was: `account`, `other_account`, `list_page`, `list_complete`, `health_report`, `success`, `not_found`, `error` or `unreadable`. Null when there was none, or when a former release recorded it.',
  }),
  outcome: z.string().meta({
    description:
      'Outcome of the call: `done`; for a read of the account `absent`, `present`, `reconnected` or `identity_changed`; or the code of the error.',
  }),
  at: timestamp,
  request_id: z.string().nullable().meta({ description: "The provider's id of the request." }),
});

/** By what an account is told from others. */
const accountNames = {
  account_id: z.string(),
  ref: z.string(),
  provider: z.string(),
  platform: z.string(),
  username: z.string().nullable(),
};

export const stepSchema = z
  .object({
    ...accountNames,
    profile_id: z.string().nullable().meta({
      description:
        'The profile that the account was in when the disconnect was accepted. Null: a former release did not record it.',
    }),
    identity: identitySchema.meta({
      description:
        'The identity of the account when the disconnect was accepted. Another identity under the same id is not deleted.',
    }),
    state: z.enum(STEP_STATES),
    outcome: z.enum(['disconnected', 'already_gone']).nullable(),
    effect: effectSchema,
    attempts: z.int(),
    next_attempt_at: timestamp.nullable(),
    verified: z.enum(['absent', 'still_present', 'pending', 'unverifiable']),
    verified_at: timestamp.nullable(),
    not_compared: z.array(z.enum(COMPARED_FACTS)).max(COMPARED_FACTS.length).nullable().meta({
      description:
        'The facts of `identity` that the last read of the account could not compare, because the provider does not report them. Null: they were not compared yet.',
    }),
    evidence: z.array(evidenceSchema).max(MAX_EVIDENCE_SHOWN).meta({
      description: "The provider's responses that the step is based on, oldest first.",
    }),
    /** When a later look showed the account again. */
    reappeared_at: timestamp.nullable(),
    last_error: z
      .object({
        code: z.string(),
        message: z.string(),
        provider_code: z.string().nullable(),
        at: timestamp,
      })
      .nullable(),
  })
  .meta({ id: 'DisconnectStep', examples: [STEP_EXAMPLE] });

const approvalSchema = z.object({
  reason: z.enum(['key_revoked', 'agent']),
  since: timestamp,
  approved_by: z.object({ key_id: z.string(), name: z.string() }).nullable(),
  approved_at: timestamp.nullable(),
});

export const disconnectSchema = z
  .object({
    id: z.string(),
    type: z.literal('disconnect'),
    state: z.enum(DISCONNECT_STATES),
    reason_code: z.enum(REASON_CODES),
    reason_note: z.string().nullable(),
    profile_id: z.string().nullable().meta({
      description:
        'The profile that was given in the request. Null: the accounts were given in another way.',
    }),
    requested_by: z.object({ key_id: z.string(), name: z.string() }),
    scheduled_at: timestamp.nullable(),
    approval: approvalSchema.nullable().meta({
      description: 'Why it waits or waited for the approval of an administrator. Null: it did not.',
    }),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
    summary: z.object({
      total: z.int(),
      succeeded: z.int(),
      failed: z.int(),
      pending: z.int(),
      cancelled: z.int(),
    }),
    /** The first ones; all of them are at `GET /v1/disconnects/{id}/steps`. */
    steps: z.array(stepSchema).max(MAX_PAGE),
    has_more_steps: z.boolean(),
  })
  .meta({
    id: 'Disconnect',
    examples: [
      { ...DISCONNECT_EXAMPLE, type: 'disconnect', steps: [STEP_EXAMPLE], has_more_steps: false },
    ],
  });
export type DisconnectBody = z.input<typeof disconnectSchema>;

export const planSchema = z
  .object({
    type: z.literal('disconnect_plan'),
    plan_hash: z.string(),
    totals: z.object({
      total: z.int(),
      destroys_data: z.int(),
      revokes_token: z.int(),
      irreversible: z.int(),
      effect_not_told: z
        .int()
        .meta({ description: 'Accounts of which a part of the effect is unknown.' }),
      also_ends: z.int(),
    }),
    providers: z
      .array(
        z.object({
          provider: z.string(),
          total: z.int(),
          effect: effectSchema,
          ends: z.enum(['account', 'provider_group', 'connection']).meta({
            description:
              'What a disconnect ends at the provider: the account, all accounts of its group, or all accounts of its connection.',
          }),
          how_to_reconnect: z.string(),
        }),
      )
      .max(MAX_ACCOUNTS),
    accounts: z
      .array(
        z.object({
          ...accountNames,
          identity: identitySchema,
          status: z.enum(ACCOUNT_STATUSES),
          effect: effectSchema,
        }),
      )
      .max(MAX_ACCOUNTS),
    also_ends: z
      .array(
        z.object({
          ...accountNames,
          ends_with: z.string(),
        }),
      )
      .max(MAX_ACCOUNTS)
      .meta({
        description:
          'Accounts that were not requested but are disconnected together with `ends_with` at the provider.',
      }),
    excluded: z
      .array(
        z.object({
          ...accountNames,
          reason: z.enum(EXCLUSION_REASONS),
        }),
      )
      .max(MAX_ACCOUNTS)
      .meta({
        description:
          'Accounts of the profile that are left out: `weak_match`: only a handle ties them to it, and `include_weak` is not set; `disconnecting`: another disconnect is ending them.',
      }),
    confirmation: z
      .object({
        token: z.string(),
        expires_at: timestamp,
        count: z.int().meta({
          description:
            'Number of accounts that are disconnected: those of the plan, and those in `also_ends`.',
        }),
      })
      .optional()
      .meta({ description: 'Only if the request had `agent`: what the plan is carried out with.' }),
  })
  .meta({ id: 'DisconnectPlan', examples: [PLAN_EXAMPLE] });

const receiptStepSchema = stepSchema
  .omit({ attempts: true, next_attempt_at: true })
  .extend({ finished_at: timestamp.nullable() });

/**
 * What an auditor keeps of a finished disconnect. `signature` is over the canonical JSON (RFC 8785)
 * of `receipt`.
 */
export const receiptSchema = z
  .object({
    type: z.literal('disconnect_receipt'),
    receipt: disconnectSchema.omit({ type: true, steps: true, has_more_steps: true }).extend({
      team_id: z.string(),
      providers: z.array(z.string()).max(MAX_PROVIDERS).optional().meta({
        description:
          'Only for a key that is restricted to some providers: the receipt covers only accounts at these.',
      }),
      steps: z.array(receiptStepSchema).max(MAX_ACCOUNTS),
    }),
    signature: z.object({ algorithm: z.literal('Ed25519'), key_id: z.string(), value: z.string() }),
  })
  .meta({ id: 'DisconnectReceipt', examples: [RECEIPT_EXAMPLE] });

export const wellKnownSchema = z.object({
  service: z.literal('rollcall'),
  /** Oldest first. */
  keys: z
    .array(
      z.object({
        kty: z.string(),
        crv: z.string(),
        x: z.string(),
        kid: z.string(),
        use: z.string(),
        /** Null: it signed before such times were kept. */
        valid_from: timestamp.nullable(),
        /** When it was replaced. Null: it is in use. */
        valid_until: timestamp.nullable(),
      }),
    )
    .max(MAX_RECEIPT_KEYS),
});
