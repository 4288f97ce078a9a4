import { z } from 'zod';
import { words } from '../http/validate.js';
import { MAX_LABELS, MAX_MEMBERS, recordOf } from '../model/index.js';

const labelKey = z.string().min(1).max(64);
/** No filter could name a value with a comma. */
const labelValue = z
  .string()
  .max(256)
  .regex(/^[^,]*$/, { error: 'must contain no comma, which means "or" in a filter' });
/** JSON carries whole numbers up to 2^53 to JavaScript; a longer one has lost digits already. */
const settings = recordOf(z.string().min(1).max(64), z.unknown(), MAX_MEMBERS).refine(
  holdsNoLongNumber,
  'must hold no whole number beyond 2^53; send it as a string',
);

export const accountRequest = z
  .strictObject({
    connection_id: z.string().optional(),
    provider: z.string().optional(),
    platform: words(64).toLowerCase(),
    username: words(128),
    settings: settings.optional(),
    labels: recordOf(labelKey, labelValue, MAX_LABELS).optional(),
  })
  .meta({
    examples: [
      {
        provider: 'outfame',
        platform: 'instagram',
        username: 'yourhandle',
        labels: { brand: 'acme' },
      },
    ],
  });
export type AccountRequest = z.output<typeof accountRequest>;

/**
 * `settings` are merged over the provider's current ones, `labels` over ours; a label of null is
 * taken off.
 */
export const accountChange = z
  .strictObject({
    settings: settings.optional(),
    labels: recordOf(labelKey, labelValue.nullable(), 2 * MAX_LABELS).optional(),
  })
  .refine(
    (change) => change.settings !== undefined || change.labels !== undefined,
    'must contain `settings` or `labels`',
  )
  .meta({ minProperties: 1, examples: [{ labels: { brand: 'acme' } }] });
export type AccountChangeRequest = z.output<typeof accountChange>;

function holdsNoLongNumber(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(holdsNoLongNumber);
}
