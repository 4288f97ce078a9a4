import { createHash, randomUUID } from 'node:crypto';
import { type Answer, isObject, type Question, Refused } from '../message.js';
import type { Provider, Route } from '../provider.js';
import { type Quota, rateLimitHeaders } from '../rate-window.js';
import { accountRoutes } from './accounts.js';
import { problem, refuse } from './problem.js';
import { blankAccount, creatorauditAccounts } from './seed.js';

const serviceRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/whoami',
    handle: () => ({
      status: 200,
      body: {
        data: {
          type: 'whoami',
          organization_id: '0b3f2c14-9a6d-4f1e-8b2a-1c2d3e4f5a6b',
          api_key_name: 'Sandbox key',
        },
      },
    }),
  },
  {
    method: 'GET',
    path: '/health',
    open: true,
    handle: () => ({ status: 200, body: { status: 'ok' } }),
  },
  {
    method: 'GET',
    path: '/meta',
    open: true,
    handle: () => ({
      status: 200,
      body: {
        data: {
          type: 'api_meta',
          api_version: 'v2',
          status: 'current',
          deprecation: null,
          sunset: null,
        },
      },
    }),
  },
];

/** 406 for a caller that takes no JSON. */
function admit({ headers }: Question): void {
  const { accept = '*/*' } = headers;
  if (/\*\/\*|application\/(\*|json|problem\+json)/.test(accept)) return;
  throw new Refused(problem(406, 'NOT_ACCEPTABLE', 'Not Acceptable', 'Only JSON is available.'));
}

/**
 * Request id on all answers and in problems, limits where the key is known, and a strong ETag with
 * 304 on GET.
 */
function finish(answer: Answer, question: Question, quota: Quota | undefined): Answer {
  const requestId = String(question.headers['x-request-id'] ?? randomUUID());
  const isProblem = answer.status >= 400 && isObject(answer.body);
  const instance = `/v2${question.target.split('?')[0]}`;
  const body = isProblem
    ? { ...Object(answer.body), instance, request_id: requestId }
    : answer.body;
  const headers = {
    'X-Request-ID': requestId,
    ...(quota && answer.status !== 401 && rateLimitHeaders(quota)),
    ...answer.headers,
  };
  if (question.method !== 'GET' || answer.status !== 200) return { ...answer, headers, body };

  const etag = `"${createHash('sha1').update(JSON.stringify(body)).digest('base64url')}"`;
  const cacheable = { ...headers, ETag: etag, 'Cache-Control': 'private, no-cache' };
  if (question.headers['if-none-match'] === etag) return { status: 304, headers: cacheable };
  return { status: 200, headers: cacheable, body };
}

/**
 * CreatorAudit API v2: public profiles tracked for an organization. What concerns accounts; no
 * creators, videos or search.
 */
export const creatoraudit: Provider = {
  name: 'creatoraudit',
  mountPath: '/creatoraudit/v2',
  defaultKey: 'ca_sandbox_key_0000000000',
  source: creatorauditAccounts,
  blank: blankAccount,
  routes: [...serviceRoutes, ...accountRoutes()],
  refuse,
  admit,
  finish,
};
