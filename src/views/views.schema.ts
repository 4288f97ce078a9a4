import { z } from 'zod';
import type { SavedView } from '../database/prisma-client/client.js';
import { timestamp } from '../http/page.js';

export const viewSchema = z
  .object({
    id: z.string(),
    type: z.literal('view'),
    name: z.string(),
    page: z.string(),
    query: z.string(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({
    id: 'View',
    examples: [
      {
        id: 'view_01k9z3m8q4v7x2c5n6b8a1s3d4',
        type: 'view',
        name: 'Broken at Outfame',
        page: 'accounts',
        query: 'provider=outfame&health=unhealthy',
        created_at: '2026-02-09T11:45:22.000Z',
        updated_at: '2026-02-09T11:45:22.000Z',
      },
    ],
  });

/** A row as the API answers it. */
export function toView({ id, name, page, query, createdAt, updatedAt }: SavedView) {
  return { id, type: 'view', name, page, query, created_at: createdAt, updated_at: updatedAt };
}
