import { z } from 'zod';

/**
 * A parameter that names a provider, one of `known`. The document lists them as they are today;
 * `x-open-set` has clients take any text, so that a new provider changes none of their types.
 */
export function providerId(known: readonly string[]) {
  return z
    .enum(known as [string, ...string[]], { error: `must be one of: ${known.join(', ')}` })
    .meta({ 'x-open-set': true, examples: ['outfame'] });
}
