import { z } from 'zod';
import { timestamp } from '../http/page.js';

export const connectFlowSchema = z
  .object({
    type: z.literal('connect_flow'),
    auth_url: z.string(),
    state: z.string().nullable().meta({
      description:
        'Returned with the owner, for `POST /v1/connect/complete`. `null`: the owner returns to the provider, and the next sweep lists the account.',
    }),
    expires_at: timestamp.nullable(),
  })
  .meta({
    examples: [
      {
        type: 'connect_flow',
        auth_url: 'https://www.instagram.com/oauth/authorize?client_id=1',
        state: 'pX3nV8qT1mR6kZ0wB5yJ2g',
        expires_at: '2026-02-09T11:55:22.000Z',
      },
    ],
  });
