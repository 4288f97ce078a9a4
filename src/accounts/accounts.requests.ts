import { z } from 'zod';
import { words } from '../http/validate.js';

const labelKey = z.string().min(1).max(64);
const labelValue = z.string().max(256);
/** JSON carries whole numbers up to 2^53 to JavaScript; a longer one has lost digits already. */
const settings = z
  .record(z.string().min(1).max(64), z.unknown())
  .refine(holdsNoLongNumber, 'must hold no whole number beyond 2^53; send it as a string');
const MAX_LABELS = 64;

export const accountRequest = z
  .strictObject({
    connection_id: z.string().optional(),
    provider: z.string().optional(),
    platform: words(64).toLowerCase(),
    username: words(128),
    settings: settings.optional(),
    labels: z
      .record(labelKey, labelValue)
      .refine(
        (labels) => Object.keys(labels).length <= MAX_LABELS,
        `must have at most ${MAX_LABELS} labels`,
      )
      .optional(),
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
    labels: z.record(labelKey, labelValue.nullable()).optional(),
  })
  .refine(
    (change) => change.settings !== undefined || change.labels !== undefined,
    'must contain `settings` or `labels`',
  )
  .meta({ minProperties: 1, examples: [{ labels: { brand: 'acme' } }] });
export type AccountChangeRequest = z.output<typeof accountChange>;

export { MAX_LABELS };

function holdsNoLongNumber(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(holdsNoLongNumber);
}
