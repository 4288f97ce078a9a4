import { failureCode } from '../database/index.js';
import type { LogFields } from '../lib/logger.js';
import { ProviderError } from '../model/index.js';
import { Problem } from './problem.js';

/** Codes of providers that are words or numbers, and too short to be a caller's data or a key. */
const PLAIN_CODE = /^[A-Za-z0-9_.-]{1,40}$/;

/**
 * The cause of a failed request, for its line in the log: the class of the error and its codes. It
 * has no message of the database or of a provider, as those may quote values.
 */
export function causeOf(error: unknown): LogFields {
  const error_class = error instanceof Error ? classOf(error) : typeof error;
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
  // The text of problems with status 500 and above is the same for every caller.
  if (error instanceof Problem) {
    const { provider } = error.extras;
    return {
      ...{ error_class, cause: error.code, reason: error.detail },
      ...(provider && { provider: provider.id }),
    };
  }
  return { error_class, cause: failureCode(error) ?? 'unknown' };
}

/** A bundle numbers a name that it has several times. */
const classOf = (error: Error) => error.constructor.name.replace(/\d+$/, '');
