import { z } from 'zod';

const RFC_3339 = z.iso.datetime({ offset: true });

const YEARS_1_TO_9999 = /^(?!0000)\d{4}-/;

/**
 * A provider's time as RFC 3339 in UTC: offsets are applied, fractions kept to the millisecond.
 * `null` where there is none, and where the text names no certain instant (no zone, no such day, a
 * year before 1 or after 9999).
 */
export function utc(time: string | null | undefined): string | null {
  const instant = RFC_3339.safeParse(time);
  if (!instant.success) return null;
  const text = new Date(instant.data).toISOString().replace('.000Z', 'Z');
  return YEARS_1_TO_9999.test(text) ? text : null;
}

/**
 * A provider's name for a profile as a handle: one leading `@` stripped, case kept. `null` for a
 * text with spaces, which is a title.
 */
export function handle(name: string | null | undefined): string | null {
  const bare = name?.replace(/^@/, '');
  return bare === undefined || bare === '' || /\s/.test(bare) ? null : bare;
}
