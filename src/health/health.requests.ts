import { z } from 'zod';
import { paging } from '../http/validate.js';

const since = z.string().min(1).max(2000).optional().meta({
  description:
    'The last `next_cursor`, or an RFC 3339 time to start from. Changes are kept for 90 days, and cursors stay valid as long.',
});

export const changesQuery = z.strictObject({ since, limit: paging.limit });

/** Whether `since` is a time; otherwise it is a cursor. */
export const isTime = (text: string) => z.iso.datetime({ offset: true }).safeParse(text).success;
