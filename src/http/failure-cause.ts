import { failureCode } from '../database/index.js';
import type { LogFields } from '../lib/logger.js';
import { ProviderError } from '../model/index.js';
import { Problem } from './problem.js';

/** Codes of providers that are words or numbers, and nothing longer that a caller or a key could be. */
const PLAIN_CODE = /^[A-Za-z0-9_.-]{1,40}$/;

/**
 * What a failed answer came of, for its line in the log: the class of the error and its codes. No
 * message of the database or of a provider is among it, as those may quote values.
 */
export function causeOf(error: unknown): LogFields {
  const error_class = error instanceof Error ? error.constructor.name : typeof error;
  if (error instanceof ProviderError) {
    const { provider, code, status, providerCode } = error;
    const inner = failureCode(error.cause);
    const isPlain = providerCode !== null && PLAIN_CODE.test(providerCode);
    return {
      ...{ error_class, provider, cause: code },
      ...(status !== null && { provider_status: status }),
      ...(isPlain && { provider_code: providerCode }),
      ...(inner !== undefined && { inner_code: inner }),
    };
  }
  // Those that answer with 500 and above say the same to everybody.
  if (error instanceof Problem) {
    const { provider } = error.extras;
    return {
      ...{ error_class, cause: error.code, reason: error.detail },
      ...(provider && { provider: provider.id }),
    };
  }
  return { error_class, cause: failureCode(error) ?? 'unknown' };
}
