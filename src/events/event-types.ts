import { z } from 'zod';
import { commaSeparated } from '../http/validate.js';
import { EVENT_TYPES, type EventType } from './outbox.js';

const FAMILIES = [...new Set(EVENT_TYPES.map((type) => `${type.split('.')[0]}.*`))];

/** The name of a type, or a whole family such as `account.*`. */
export const eventPattern = z.enum([...EVENT_TYPES, ...FAMILIES] as [string, ...string[]], {
  error: `must be one of: ${[...EVENT_TYPES, ...FAMILIES].join(', ')}`,
});

export const eventPatterns = commaSeparated(eventPattern);

/** The types that patterns name. No pattern: none, which readers take for all. */
export function typesOf(patterns: readonly string[] = []): EventType[] {
  return EVENT_TYPES.filter(
    (type) => patterns.includes(type) || patterns.includes(`${type.split('.')[0]}.*`),
  );
}
