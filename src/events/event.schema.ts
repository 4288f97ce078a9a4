import { z } from 'zod';
import { timestamp } from '../http/page.js';
import { EVENT_TYPES } from './outbox.js';

/** An event, alike in the feed, in the stream and in a webhook's body. */
export const eventSchema = z.object({
  id: z.string(),
  type: z.enum(EVENT_TYPES),
  timestamp,
  account_id: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
