import { type Answer, type Fields, parseObject, type Question, Refused } from '../message.js';
import type { RefusalContext, RefusalReason } from '../provider.js';

/**
 * An Outfame error body. Only the one of 429 is published (Outfame docs, /docs/guides/rate-limits);
 * the others are read as the same envelope with the codes of the reference pages.
 */
function fault(status: number, code: string, message: string): Answer {
  return {
    status,
    body: { error: { code, message, doc_url: `https://docs.outfame.com/errors/${code}` } },
  };
}

export function refused(status: number, code: string, message: string): Refused {
  return new Refused(fault(status, code, message));
}

export function accountNotFound(id: string): Refused {
  return refused(404, 'account_not_found', `No account found with id ${id}.`);
}

/** The body as a JSON object; anything else is refused. */
export function jsonBody(question: Question): Fields {
  const body = parseObject(question.text);
  if (!body) throw refused(400, 'invalid_request', 'The request body must be a JSON object.');
  return body;
}

/**
 * `limit` within its documented bounds; a larger one is refused, for no page may rely on being cut
 * silently.
 */
export function pageLimit(question: Question, standard: number, largest: number): number {
  const limit = Number(question.query.get('limit') ?? standard);
  if (!Number.isInteger(limit) || limit < 1 || limit > largest) {
    throw refused(400, 'invalid_request', `limit must be a whole number from 1 to ${largest}.`);
  }
  return limit;
}

export function refuse(reason: RefusalReason, { retryAfter }: RefusalContext): Answer {
  switch (reason) {
    case 'missing_key':
      return fault(401, 'unauthorized', 'No API key was provided.');
    case 'invalid_key':
      return fault(401, 'unauthorized', 'The API key is not valid.');
    case 'revoked_key':
      return fault(401, 'unauthorized', 'The API key was revoked.');
    // Status and code of a missing scope are not documented.
    case 'forbidden':
      return fault(403, 'forbidden', 'The API key may not do this.');
    case 'not_found':
      return fault(404, 'account_not_found', 'No account found with this id.');
    case 'rate_limited':
      return rateLimited(retryAfter);
    case 'server_error':
      return fault(500, 'internal_error', 'Something went wrong on our side.');
    case 'unavailable':
      return {
        ...fault(503, 'service_unavailable', 'Down for maintenance.'),
        headers: { 'Retry-After': String(retryAfter) },
      };
    case 'unknown_path':
      return fault(404, 'not_found', 'No such endpoint.');
    case 'wrong_method':
      return fault(405, 'method_not_allowed', 'The method is not allowed for this endpoint.');
  }
}

function rateLimited(retryAfter: number): Answer {
  const error = {
    code: 'rate_limit_exceeded',
    message: `Rate limit exceeded. Please retry after ${retryAfter} seconds.`,
    retry_after: retryAfter,
    doc_url: 'https://docs.outfame.com/guides/rate-limits',
  };
  return { status: 429, headers: { 'Retry-After': String(retryAfter) }, body: { error } };
}
