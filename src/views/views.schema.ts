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
    is_default: z.boolean(),
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
        is_default: false,
        created_at: '2026-02-09T11:45:22.000Z',
        updated_at: '2026-02-09T11:45:22.000Z',
      },
    ],
  });

/** A row as the API answers it. */
export function toView(row: SavedView) {
  const { id, createdAt, updatedAt } = row;
  return {
    id,
    type: 'view',
    ...settingsOf(row),
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

/** What of a view can be changed. */
export function settingsOf({ name, page, query, isDefault }: SavedView) {
  return { name, page, query, is_default: isDefault };
}
