import { z } from 'zod';
import { paging } from '../http/validate.js';

export const activityQuery = z.strictObject({
  type: z
    .enum(['like', 'follow', 'comment', 'story_view'], {
      error: 'must be like, follow, comment or story_view',
    })
    .optional()
    .meta({ description: 'Only actions of this type.' }),
  date: z.iso
    .date({ error: 'must be a date such as 2026-02-09' })
    .optional()
    .meta({ description: 'Only actions on this day.' }),
  limit: paging.limit,
  cursor: paging.cursor,
});
