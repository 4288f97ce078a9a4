import { randomUUID } from 'node:crypto';
import { type Answer, parseObject, timestamp } from '../message.js';
import type { Call, Route } from '../provider.js';
import { invalid, knownPlatform, redirectUrl } from './fault.js';
import { accountKey, blankAccount } from './seed.js';

/** What a person agreed to on the network's page. */
interface Grant {
  readonly platform: string;
  readonly accountId: string;
  readonly redirectUrl: string | undefined;
}

/**
 * The connect flow (SocialSyncer docs, /docs/api/connect), with a page of the sandbox in the place
 * of the network's.
 */
export function connectRoutes(): readonly Route[] {
  const grants = new Map<string, Grant>();

  function start({ question, params }: Call): Answer {
    const platform = knownPlatform(params.platform);
    const callback = redirectUrl(question.query.get('redirect_url'));
    const state = `owner123:${platform}`;
    const query = new URLSearchParams({
      state,
      ...(callback !== undefined && { redirect_url: callback }),
    });
    return {
      status: 200,
      body: { authUrl: `${question.origin}/socialsyncer/v1/authorize/${platform}?${query}`, state },
    };
  }

  /**
   * Stands for the network's consent page: agrees at once and sends the browser back with a code.
   * `account_id` in the query picks who agrees; otherwise somebody new does. Without a
   * `redirect_url` it shows the code.
   */
  function authorize({ question, params, accounts }: Call): Answer {
    const platform = knownPlatform(params.platform);
    const callback = redirectUrl(question.query.get('redirect_url'));
    const accountId =
      question.query.get('account_id') ?? `1784150000000${1000 + accounts.createdCount}`;
    const code = `code_${randomUUID()}`;
    grants.set(code, { platform, accountId, redirectUrl: callback });
    if (callback === undefined) return { status: 200, body: { code } };
    const location = new URL(callback);
    location.searchParams.set('code', code);
    location.searchParams.set('state', question.query.get('state') ?? '');
    return { status: 302, headers: { Location: location.href } };
  }

  /**
   * A code is good once. Connecting an account anew makes its token valid and its `connectedAt`
   * now.
   */
  function complete({ question, params, accounts, now }: Call): Answer {
    const platform = knownPlatform(params.platform);
    const body = parseObject(question.text);
    if (!body) throw invalid('Request body must be valid JSON');
    const code = String(body.code ?? '');
    const grant = grants.get(code);
    if (
      !grant ||
      grant.platform !== platform ||
      grant.redirectUrl !== redirectUrl(body.redirect_url)
    )
      throw invalid('Invalid or expired code');
    grants.delete(code);

    const key = accountKey(platform, grant.accountId);
    const revived = {
      connectedAt: timestamp(now),
      health: 'healthy',
      tokenValid: true,
      recommendations: [],
    };
    accounts.put(key, accounts.knows(key) ? revived : blankAccount(key, now));
    return {
      status: 200,
      body: { platform, accountId: grant.accountId, username: accounts.get(key)?.username },
    };
  }

  return [
    { method: 'GET', path: '/connect/{platform}', handle: start },
    { method: 'POST', path: '/connect/{platform}', handle: complete },
    { method: 'GET', path: '/authorize/{platform}', open: true, handle: authorize },
  ];
}
