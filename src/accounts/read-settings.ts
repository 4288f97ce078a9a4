import { Problem } from '../http/problem.js';
import { validate } from '../http/validate.js';
import type { AnyAdapter, Settings } from '../model/index.js';

/**
 * The settings that a caller gives, checked against what the provider takes.
 * @param schema the adapter's, of the operation that they are for
 * @throws Problem 422 naming each that is wrong, or when the provider has no settings
 */
export function readSettings(
  schema: AnyAdapter['settings'],
  adapter: AnyAdapter,
  given: Settings,
): Settings {
  if (!schema)
    throw new Problem(
      'operation_not_supported',
      `${adapter.name} has no settings. Leave out \`settings\`.`,
    );
  return validate(schema, given, 'setting', 'settings');
}
