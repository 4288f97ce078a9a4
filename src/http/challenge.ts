import type { Scope } from './caller.js';
import { Problem } from './problem.js';

const BEARER = 'Bearer realm="Rollcall"';

/**
 * How to authenticate, as RFC 6750, section 3, has it: a header of 401 and of the 403 that a key of a
 * greater scope would not get. A request without a key is no error yet.
 */
export function challenge(error?: 'invalid_token' | 'insufficient_scope', scope?: Scope) {
  const parts = [
    BEARER,
    ...(error === undefined ? [] : [`error="${error}"`]),
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
  ];
  return { 'WWW-Authenticate': parts.join(', ') };
}

/** A refusal for want of a key, with the scope that a key needs; anything else as it is. */
export function withScope(error: unknown, scope: Scope): unknown {
  if (!(error instanceof Problem) || error.code !== 'unauthorized') return error;
  const { 'WWW-Authenticate': told = BEARER, ...others } = error.headers;
  return new Problem(error.code, error.detail, error.extras, {
    ...others,
    'WWW-Authenticate': `${told}, scope="${scope}"`,
  });
}
