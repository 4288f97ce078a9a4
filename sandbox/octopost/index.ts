import { type Answer, type Fields, Refused, timestamp } from '../message.js';
import type { Provider, RefusalContext, RefusalReason } from '../provider.js';
import { rateLimitHeaders } from '../rate-window.js';
import { blankAccount, octopostAccounts } from './seed.js';

/** Octopost docs, /docs/api/errors. */
function fault(status: number, code: string, error: string, details?: Fields): Answer {
  return { status, body: { error, code, ...(details && { details }) } };
}

const NOT_FOUND = fault(404, 'not_found', 'Account not found');

function refuse(reason: RefusalReason, { quota, retryAfter }: RefusalContext): Answer {
  const waiting = { 'Retry-After': String(retryAfter) };
  switch (reason) {
    case 'missing_key':
    case 'invalid_key':
    case 'revoked_key':
      return fault(401, 'unauthorized', 'Invalid or expired API key');
    case 'forbidden':
      return fault(403, 'forbidden', 'API key does not have permission for this action');
    case 'not_found':
      return NOT_FOUND;
    case 'rate_limited': {
      const reset_at = timestamp(new Date(quota.resetAt));
      const details = { limit: quota.limit, remaining: 0, reset_at, retry_after: retryAfter };
      return {
        ...fault(
          429,
          'rate_limited',
          `Rate limit exceeded. Try again in ${retryAfter} seconds.`,
          details,
        ),
        headers: waiting,
      };
    }
    case 'server_error':
      return fault(500, 'internal_error', 'Internal server error');
    case 'unavailable':
      return {
        ...fault(503, 'service_unavailable', 'Service temporarily unavailable'),
        headers: waiting,
      };
    case 'unknown_path':
      return fault(404, 'not_found', 'Not found');
    // There is no 405 (Octopost docs, /docs/api/errors).
    case 'wrong_method':
      return fault(400, 'bad_request', 'Unsupported method');
  }
}

/**
 * Octopost API v1: connected profiles, read and disconnected over the API, connected in the
 * dashboard.
 */
export const octopost: Provider = {
  name: 'octopost',
  mountPath: '/octopost/v1',
  defaultKey: 'oct_test_sandbox000000',
  source: octopostAccounts,
  blank: blankAccount,
  refuse,
  /** The overview asks for a Content-Type on every request, GET and DELETE too. */
  admit: (question) => {
    if (question.headers['content-type'] === undefined)
      throw new Refused(fault(400, 'bad_request', 'Missing Content-Type header'));
  },
  finish: (answer, _question, quota) =>
    quota ? { ...answer, headers: { ...rateLimitHeaders(quota), ...answer.headers } } : answer,
  routes: [
    {
      method: 'GET',
      path: '/accounts',
      handle: ({ accounts }) => ({
        status: 200,
        body: { accounts: Array.from(accounts.walk('oldest_first'), ({ account }) => account) },
      }),
    },
    {
      method: 'GET',
      path: '/accounts/{id}',
      handle: ({ accounts, params }) => {
        const account = accounts.get(params.id ?? '');
        if (!account) throw new Refused(NOT_FOUND);
        return { status: 200, body: account };
      },
    },
    {
      method: 'DELETE',
      path: '/accounts/{id}',
      handle: ({ accounts, params }) => {
        if (!accounts.remove(params.id ?? '')) throw new Refused(NOT_FOUND);
        return { status: 204 };
      },
    },
  ],
};
