import { z } from 'zod';
import { timestamp } from '../http/page.js';
import { MAX_MEMBERS, recordOf } from '../model/index.js';
import { EVENT_TYPES } from './event-types.js';

export const EVENT_EXAMPLE = {
  id: 'evt_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'connection.recovered',
  timestamp: '2026-02-09T11:45:22.000Z',
  account_id: null,
  data: {
    connection: { id: 'conn_01k9z3m8q4v7x2c5n6b8a1s3d4', name: 'octopost', provider: 'octopost' },
  },
};

/** An event, alike in the feed, in the stream and in a webhook's body. */
export const eventSchema = z
  .object({
    id: z.string(),
    type: z.enum(EVENT_TYPES),
    timestamp,
    account_id: z.string().nullable(),
    data: recordOf(z.string(), z.unknown(), MAX_MEMBERS),
  })
  .meta({
    id: 'Event',
    examples: [EVENT_EXAMPLE],
  });
