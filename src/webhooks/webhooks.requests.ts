import { z } from 'zod';
import { eventPattern } from '../events/index.js';
import { WEBHOOK_EXAMPLE } from './webhooks.example.js';

const url = z.string().max(2000);
/** Types, and families of them, that one webhook gets. */
export const MAX_TYPES = 50;
const types = z.array(eventPattern).max(MAX_TYPES);
const description = z.string().max(500).nullable();

export const webhookRequest = z
  .strictObject({ url, types: types.default([]), description: description.default(null) })
  .meta({ examples: [{ url: WEBHOOK_EXAMPLE.url, types: WEBHOOK_EXAMPLE.types }] });
export const webhookChange = z
  .strictObject({ url, types, description, enabled: z.boolean() })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one field')
  .meta({ examples: [{ enabled: true }] });
export type WebhookRequest = z.output<typeof webhookRequest>;
export type WebhookChange = z.output<typeof webhookChange>;
