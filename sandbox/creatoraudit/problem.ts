import { type Answer, Refused } from '../message.js';
import type { RefusalContext, RefusalReason } from '../provider.js';

interface FieldError {
  readonly field: string;
  readonly message: string;
}

/**
 * An RFC 9457 problem (CreatorAudit docs, /api-reference/errors). `finish` adds the instance and
 * the request id.
 */
export function problem(
  status: number,
  code: string,
  title: string,
  detail: string,
  errors?: readonly FieldError[],
): Answer {
  const type = `urn:creatoraudit:error:${code.toLowerCase().replaceAll('_', '-')}`;
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
    body: { type, title, status, detail, code, ...(errors && { errors }) },
  };
}

export function invalid(errors: readonly FieldError[]): Refused {
  return new Refused(
    problem(422, 'VALIDATION_ERROR', 'Unprocessable Entity', 'Request failed validation.', errors),
  );
}

export function notFound(what: string): Refused {
  return new Refused(missing(what));
}

function missing(what: string): Answer {
  return problem(404, 'NOT_FOUND', 'Not Found', `${what} not found.`);
}

/** A key that was switched off gets 403, one that is unknown 401. */
export function refuse(reason: RefusalReason, { retryAfter }: RefusalContext): Answer {
  switch (reason) {
    case 'missing_key':
    case 'invalid_key':
      return problem(401, 'UNAUTHORIZED', 'Unauthorized', 'Missing or invalid API key.');
    case 'revoked_key':
      return problem(403, 'FORBIDDEN', 'Forbidden', 'This API key is inactive.');
    case 'forbidden':
      return problem(403, 'INSUFFICIENT_SCOPE', 'Forbidden', 'The API key lacks the scope.');
    case 'not_found':
      return missing('Account');
    case 'rate_limited':
      return waiting(
        problem(429, 'RATE_LIMITED', 'Too Many Requests', 'Rate limit exceeded.'),
        retryAfter,
      );
    case 'server_error':
      return problem(
        500,
        'INTERNAL_ERROR',
        'Internal Server Error',
        'An unexpected error occurred.',
      );
    case 'unavailable':
      return waiting(
        problem(503, 'SERVICE_UNAVAILABLE', 'Service Unavailable', 'Try again later.'),
        retryAfter,
      );
    case 'unknown_path':
      return problem(404, 'NOT_FOUND', 'Not Found', 'Resource not found.');
    // The documented set of codes has none for 405.
    case 'wrong_method':
      return problem(405, 'BAD_REQUEST', 'Method Not Allowed', 'Method not allowed.');
  }
}

function waiting(answer: Answer, retryAfter: number): Answer {
  return { ...answer, headers: { ...answer.headers, 'Retry-After': String(retryAfter) } };
}
