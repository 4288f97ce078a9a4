import { type Answer, Refused } from '../message.js';
import type { RefusalContext, RefusalReason } from '../provider.js';

/** SocialSyncer docs, /docs/errors: flat, both fields strings. */
function fault(status: number, code: string, error: string): Answer {
  return { status, body: { error, code } };
}

export const ACCOUNT_NOT_FOUND = fault(404, 'NOT_FOUND', 'Account not found');

export function invalid(error: string): Refused {
  return new Refused(fault(400, 'VALIDATION_ERROR', error));
}

/** No 403, 405 or 503 code is documented. The rate limit sends no `X-RateLimit-*` headers. */
export function refuse(reason: RefusalReason, { retryAfter }: RefusalContext): Answer {
  const waiting = { 'Retry-After': String(retryAfter) };
  switch (reason) {
    case 'missing_key':
      return fault(401, 'AUTH_MISSING_KEY', 'Missing API key');
    case 'invalid_key':
    case 'revoked_key':
      return fault(401, 'AUTH_INVALID_KEY', 'Invalid API key');
    case 'forbidden':
      return fault(403, 'FORBIDDEN', 'This API key may not do this');
    case 'not_found':
      return ACCOUNT_NOT_FOUND;
    case 'rate_limited':
      return { ...fault(429, 'RATE_LIMIT_EXCEEDED', 'Rate limit exceeded'), headers: waiting };
    case 'server_error':
      return fault(500, 'INTERNAL_ERROR', 'Internal server error');
    case 'unavailable':
      return { ...fault(503, 'INTERNAL_ERROR', 'Service unavailable'), headers: waiting };
    case 'unknown_path':
    case 'wrong_method':
      return fault(
        404,
        'NOT_FOUND',
        `Cannot find ${reason === 'unknown_path' ? 'this path' : 'this method here'}`,
      );
  }
}

/** The platform of the path or query, where it is one of SocialSyncer's. */
export function knownPlatform(platform: string | undefined): string {
  if (
    platform !== undefined &&
    ['instagram', 'facebook', 'threads', 'tiktok', 'twitter'].includes(platform)
  )
    return platform;
  throw invalid('Unsupported platform');
}

/** The caller's `redirect_url`, or undefined; one that is no http(s) address is refused. */
export function redirectUrl(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol))
    return value;
  throw invalid('redirect_url must be an http or https URL');
}
