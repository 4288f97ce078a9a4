import { z } from 'zod';
import type { Webhook, WebhookDelivery } from '../database/prisma-client/client.js';
import { timestamp } from '../http/page.js';
import { DELIVERY_EXAMPLE, WEBHOOK_EXAMPLE } from './webhooks.example.js';
import { MAX_TYPES } from './webhooks.requests.js';

/** Attempts of one delivery that are kept. */
export const MAX_ATTEMPTS = 50;

export const webhookSchema = z
  .object({
    id: z.string(),
    type: z.literal('webhook'),
    url: z.string(),
    url_set_by: z.object({ key_id: z.string(), name: z.string() }).nullable().meta({
      description: 'The key that set the URL; `null`: unknown.',
    }),
    types: z.array(z.string()).max(MAX_TYPES),
    description: z.string().nullable(),
    enabled: z.boolean(),
    disabled: z
      .object({ reason: z.enum(['requested', 'gone', 'failing', 'key_revoked']), at: timestamp })
      .nullable(),
    failing_since: timestamp.nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Webhook', examples: [WEBHOOK_EXAMPLE] });

/** With the secret, which is shown only in this response. */
export const webhookWithSecret = webhookSchema
  .extend({ secret: z.string() })
  .meta({ examples: [{ ...WEBHOOK_EXAMPLE, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }] });

export const deliverySchema = z
  .object({
    id: z.string(),
    type: z.literal('webhook_delivery'),
    webhook_id: z.string(),
    event_id: z.string(),
    event_type: z.string(),
    state: z.enum(['pending', 'succeeded', 'failed']),
    attempts: z
      .array(
        z.object({
          at: timestamp,
          status: z.int().nullable(),
          latency_ms: z.int(),
          answer: z.string().nullable(),
          error: z.string().nullable(),
        }),
      )
      .max(MAX_ATTEMPTS)
      .meta({ description: `The last ${MAX_ATTEMPTS}, oldest first.` }),
    next_attempt_at: timestamp.nullable(),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
  })
  .meta({ id: 'WebhookDelivery', examples: [DELIVERY_EXAMPLE] });

export function toWebhook(row: Webhook) {
  return {
    id: row.id,
    type: 'webhook',
    url: row.url,
    url_set_by:
      row.urlSetById === null ? null : { key_id: row.urlSetById, name: row.urlSetByName ?? '' },
    types: row.types,
    description: row.description,
    enabled: row.disabledAt === null,
    disabled: row.disabledAt && { reason: row.disabledReason, at: row.disabledAt },
    failing_since: row.failingSince,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}

export function toDelivery(row: WebhookDelivery) {
  return {
    id: row.id,
    type: 'webhook_delivery',
    webhook_id: row.webhookId,
    event_id: row.eventId,
    event_type: row.eventType,
    state: row.state,
    attempts: row.log,
    next_attempt_at: row.nextAttemptAt,
    created_at: row.createdAt,
    finished_at: row.finishedAt,
  };
}
