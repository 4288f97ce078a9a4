import { createHmac, randomUUID } from 'node:crypto';
import type { Accounts } from '../accounts.js';
import { type Answer, type Fields, Refused } from '../message.js';
import type { Call, Provider, RefusalContext, RefusalReason } from '../provider.js';
import { rateLimitHeaders } from '../rate-window.js';
import { blankAccount, zernioAccounts } from './seed.js';

/** Zernio's OpenAPI document, `ErrorResponse`; not every error has a `type`. */
function fault(status: number, error: string, type?: string): Answer {
  return { status, body: { error, ...(type && { type }) } };
}

const NOT_FOUND = fault(404, 'Account not found', 'not_found');

function refuse(reason: RefusalReason, { retryAfter }: RefusalContext): Answer {
  const waiting = { 'Retry-After': String(retryAfter) };
  switch (reason) {
    case 'missing_key':
    case 'invalid_key':
    case 'revoked_key':
      return fault(401, 'Unauthorized');
    case 'forbidden':
      return fault(403, 'This key may not do this', 'permission_error');
    case 'not_found':
      return NOT_FOUND;
    case 'rate_limited':
      return { ...fault(429, 'Too many requests', 'rate_limit_error'), headers: waiting };
    case 'server_error':
      return fault(500, 'Internal server error', 'api_error');
    case 'unavailable':
      return { ...fault(503, 'Service unavailable', 'api_error'), headers: waiting };
    case 'unknown_path':
    case 'wrong_method':
      return fault(404, 'Not found', 'invalid_request_error');
  }
}

const all = (accounts: Accounts) =>
  Array.from(accounts.walk('oldest_first'), ({ account }) => account);

/** Everything at once, or pages where both `page` and `limit` are given. */
function list({ question, accounts }: Call): Answer {
  const [page, limit] = ['page', 'limit'].map((name) => question.query.get(name));
  if ((page === null) !== (limit === null))
    throw new Refused(fault(400, 'page and limit go together', 'invalid_request_error'));
  const items = all(accounts).map(listItem);
  const body = { hasAnalyticsAccess: true };
  if (page == null || limit == null) return { status: 200, body: { accounts: items, ...body } };
  const [number, size] = [Number(page), Number(limit)];
  const pagination = {
    page: number,
    limit: size,
    total: items.length,
    pages: Math.ceil(items.length / size),
  };
  const shown = items.slice((number - 1) * size, number * size);
  return { status: 200, body: { accounts: shown, ...body, pagination } };
}

function listItem(account: Fields): Fields {
  const {
    status,
    tokenValid,
    tokenExpiresAt,
    needsReconnect,
    issues,
    missingRequired,
    recommendations,
    ...item
  } = account;
  return item;
}

function health({ accounts }: Call): Answer {
  const checked = all(accounts).filter(({ status }) => status !== null);
  const count = (word: string) => checked.filter(({ status }) => status === word).length;
  const summary = {
    total: checked.length,
    healthy: count('healthy'),
    warning: count('warning'),
    error: count('error'),
    needsReconnect: checked.filter(({ needsReconnect }) => needsReconnect === true).length,
  };
  return { status: 200, body: { summary, accounts: checked.map(healthItem) } };
}

function healthItem(account: Fields): Fields {
  const { _id: accountId, profileId, platform, username, displayName, status } = account;
  const { tokenValid, tokenExpiresAt, needsReconnect, issues } = account;
  const told = { platform, username, displayName, status, tokenValid, tokenExpiresAt };
  const { _id: profile = profileId } = Object(profileId);
  return { accountId, profileId: profile, ...told, needsReconnect, issues };
}

function detail({ accounts, params }: Call): Answer {
  const account = accounts.get(params.id ?? '');
  if (!account) throw new Refused(NOT_FOUND);
  const { _id: accountId, platform, username, displayName, status, issues } = account;
  const { tokenValid, tokenExpiresAt, missingRequired, recommendations } = account;
  const scope = (name: unknown) => ({ scope: name, granted: false, required: true });
  const missing = Array.isArray(missingRequired) ? missingRequired : [];
  return {
    status: 200,
    body: {
      ...{ accountId, platform, username, displayName, status, issues, recommendations },
      tokenStatus: { valid: tokenValid, expiresAt: tokenExpiresAt, needsRefresh: false },
      permissions: { posting: missing.map(scope), analytics: [], missingRequired },
    },
  };
}

/** The network's page; its owner comes back to Zernio, and from there to `redirect_url`. */
function connect({ question, params }: Call): Answer {
  const profileId = question.query.get('profileId');
  if (!profileId) throw new Refused(fault(400, 'profileId is required', 'invalid_request_error'));
  const query = new URLSearchParams({ profileId, state: randomUUID() });
  const authUrl = `${question.origin}/zernio/api/v1/authorize/${params.platform}?${query}`;
  return { status: 200, body: { authUrl } };
}

function disconnect({ accounts, params }: Call): Answer {
  if (!accounts.remove(params.id ?? '')) throw new Refused(NOT_FOUND);
  return { status: 200, body: { message: 'Account disconnected successfully' } };
}

/** A webhook's event, `WebhookPayloadAccountDisconnected`. */
function report(event: string, account: Fields, secret: string, now: Date) {
  const { _id: accountId, platform, username, displayName, profileId } = account;
  const { _id: profile = profileId } = Object(profileId);
  const isLost = event === 'account.disconnected';
  const body = JSON.stringify({
    id: randomUUID(),
    event,
    account: {
      ...{ accountId, profileId: profile, platform, username, displayName },
      ...(isLost && { disconnectionType: 'unintentional', reason: 'The token has expired' }),
    },
    timestamp: now.toISOString(),
  });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return { headers: { 'X-Zernio-Signature': signature }, body };
}

/** Zernio API v1 (docs.zernio.com): list and health apart, joined by `_id` and `accountId`. */
export const zernio: Provider = {
  name: 'zernio',
  mountPath: '/zernio/api/v1',
  defaultKey: 'sk_sandbox00zernio00000000000000',
  source: zernioAccounts,
  blank: blankAccount,
  refuse,
  report,
  finish: (answer, _question, quota) =>
    quota ? { ...answer, headers: { ...rateLimitHeaders(quota), ...answer.headers } } : answer,
  routes: [
    { method: 'GET', path: '/accounts', handle: list },
    { method: 'GET', path: '/accounts/health', handle: health },
    { method: 'GET', path: '/accounts/{id}/health', handle: detail },
    { method: 'GET', path: '/connect/{platform}', handle: connect },
    { method: 'DELETE', path: '/accounts/{id}', handle: disconnect },
  ],
};
