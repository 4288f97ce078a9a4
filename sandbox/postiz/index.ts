import { randomUUID } from 'node:crypto';
import { type Answer, type Fields, Refused, timestamp } from '../message.js';
import type { Call, Provider, RefusalContext, RefusalReason } from '../provider.js';
import { rateLimitHeaders } from '../rate-window.js';
import { blankAccount, postizAccounts } from './seed.js';

/** Its own errors. */
function fault(status: number, msg: string): Answer {
  return { status, body: { msg } };
}

/** Those of its framework. */
function frameworkFault(statusCode: number, message: string, error?: string): Answer {
  return { status: statusCode, body: { statusCode, message, ...(error && { error }) } };
}

const FAILED = frameworkFault(500, 'Internal server error');

function refuse(reason: RefusalReason, { question, retryAfter }: RefusalContext): Answer {
  const waiting = { 'Retry-After': String(retryAfter) };
  switch (reason) {
    case 'missing_key':
      return fault(401, 'No API Key found');
    case 'invalid_key':
    case 'revoked_key':
      return fault(401, 'Invalid API key');
    case 'forbidden':
      return frameworkFault(403, 'Forbidden resource', 'Forbidden');
    case 'rate_limited':
      return {
        ...frameworkFault(429, 'ThrottlerException: Too Many Requests'),
        headers: waiting,
      };
    // A row that is not there fails in its database, of which it makes no 404.
    case 'not_found':
    case 'server_error':
      return FAILED;
    case 'unavailable':
      return { ...frameworkFault(503, 'Service Unavailable'), headers: waiting };
    case 'unknown_path':
    case 'wrong_method':
      return frameworkFault(404, `Cannot ${question.method} ${question.target}`, 'Not Found');
  }
}

function listItem({ providerIdentifier, ...row }: Fields): Fields {
  const { id, name, picture, disabled, profile, customer } = row;
  return {
    id,
    name,
    identifier: providerIdentifier,
    picture,
    disabled,
    profile,
    ...(customer === null ? {} : { customer }),
  };
}

/** Answers the whole row, as the source does, with the tokens in it. */
function disconnect({ accounts, params, now }: Call): Answer {
  const row = accounts.get(params.id ?? '');
  if (!row || !accounts.remove(params.id ?? '')) throw new Refused(FAILED);
  return { status: 200, body: { ...row, deletedAt: timestamp(now) } };
}

/** The network's page, which the owner comes back from to Postiz itself. */
function connect({ question, params }: Call): Answer {
  const { integration = '' } = params;
  if (!INTEGRATIONS.includes(integration)) throw new Refused(fault(400, 'Integration not allowed'));
  const query = new URLSearchParams({ state: randomUUID() });
  return {
    status: 200,
    body: { url: `${question.origin}/postiz/public/v1/authorize/${integration}?${query}` },
  };
}

const INTEGRATIONS = ['x', 'linkedin', 'linkedin-page', 'instagram', 'threads', 'gmb', 'tiktok'];

/**
 * Postiz public API v1 (docs.postiz.com/public-api): a bare key, a bare list, no codes. Its limit is
 * announced in headers, as www.mintlify.com/gitroomhq/postiz-app/api/rate-limits has it.
 */
export const postiz: Provider = {
  name: 'postiz',
  mountPath: '/postiz/public/v1',
  defaultKey: 'postiz-sandbox-0f1e2d3c4b5a6978',
  authorization: (key) => key,
  source: postizAccounts,
  blank: blankAccount,
  refuse,
  finish: (answer, _question, quota) =>
    quota ? { ...answer, headers: { ...rateLimitHeaders(quota), ...answer.headers } } : answer,
  routes: [
    {
      method: 'GET',
      path: '/is-connected',
      handle: () => ({ status: 200, body: { connected: true } }),
    },
    {
      method: 'GET',
      path: '/integrations',
      handle: ({ accounts }) => ({
        status: 200,
        body: Array.from(accounts.walk('oldest_first'), ({ account }) => listItem(account)),
      }),
    },
    { method: 'DELETE', path: '/integrations/{id}', handle: disconnect },
    { method: 'GET', path: '/social/{integration}', handle: connect },
  ],
};
