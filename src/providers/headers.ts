import type { IncomingHttpHeaders } from 'node:http';

const MAX_REQUEST_ID_LENGTH = 200;

/**
 * The limit that a provider announces: `remaining` of `limit` requests are left until `resetAt`
 * (ms since 1970).
 */
export interface AnnouncedLimit {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: number | null;
}

/**
 * `Retry-After` in seconds from `now`: a number of seconds or an HTTP date (RFC 9110, section
 * 10.2.3). `null` when it is absent or is neither.
 */
export function retryAfterSeconds(headers: IncomingHttpHeaders, now: Date): number | null {
  const value = headers['retry-after']?.trim();
  if (!value) return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value));
  // A date needs letters; `Date.parse` alone would take "-5" for a year.
  const date = /[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now.getTime()) / 1000));
}

/**
 * The `X-RateLimit-*` headers; `null` unless at least limit and remaining are there. The reset is
 * in Unix seconds (Octopost docs, /docs/api/rate-limits; CreatorAudit docs,
 * /api-reference/rate-limits).
 */
export function announcedLimit(headers: IncomingHttpHeaders): AnnouncedLimit | null {
  const limit = wholeNumber(headers['x-ratelimit-limit']);
  const remaining = wholeNumber(headers['x-ratelimit-remaining']);
  const reset = wholeNumber(headers['x-ratelimit-reset']);
  if (limit === null || limit === 0 || remaining === null) return null;
  return { limit, remaining, resetAt: reset === null ? null : reset * 1000 };
}

/** `X-Request-ID` (CreatorAudit docs, /api-reference); the other providers send no request id. */
export function requestId(headers: IncomingHttpHeaders): string | null {
  const value = headers['x-request-id'];
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_REQUEST_ID_LENGTH) : null;
}

function wholeNumber(value: string | string[] | undefined): number | null {
  return typeof value === 'string' && /^\d{1,15}$/.test(value.trim()) ? Number(value) : null;
}
