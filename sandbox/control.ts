/**
 * Control routes: what a test or a curious person does to the sandbox behind the gateway's back.
 * They need no key and are there on loopback only. `{provider}` is a name that
 * `GET /control` lists; an account id is the provider's, for SocialSyncer
 * `{platform}/{accountId}`. Fault kinds: see `faults.ts`.
 *
 *     GET    /control                               providers: base URL, key
 *     POST   /control/reset                         everything back to the first start
 *     GET    /control/{provider}                    counts: requests, by_operation, faults, accounts, deletes
 *     GET    /control/{provider}/requests           the latest requests: at, method, target, operation, effective
 *     POST   /control/{provider}/faults             {kind, method?, path?, times?, probability?, after?, delay_ms?, retry_after?, status?} → 201 {id}
 *     DELETE /control/{provider}/faults             ends all faults
 *     GET    /control/{provider}/accounts           the accounts, newest first, `?limit=` (default 100)
 *     GET    /control/{provider}/accounts/{id}      one account, all its fields
 *     PUT    /control/{provider}/accounts/{id}      merges fields into it, makes it, or brings it back
 *     DELETE /control/{provider}/accounts/{id}      makes it vanish, not counted as a delete
 *     POST   /control/{provider}/reports            {account, event, url, secret}: reports it to the address → 202
 *     PUT    /control/{provider}/key                {key}: the only good one from now on
 *     PUT    /control/{provider}/settings           {latency_ms?, requests_per_minute?, setup_ms?, account_limit?}
 *
 *     curl -X POST localhost:4900/control/outfame/faults -d '{"kind": "rate_limited", "times": 3, "retry_after": 2}'
 *     curl -X POST localhost:4900/control/octopost/faults -d '{"kind": "lost_answer", "method": "DELETE", "path": "/accounts/*"}'
 *     curl -X PUT localhost:4900/control/outfame/accounts/acc_7Gx2kLm9Qr -d '{"status": "suspended"}'
 *     curl -X DELETE localhost:4900/control/socialsyncer/accounts/instagram/17841400123456789
 *     curl localhost:4900/control/outfame
 */
import { z } from 'zod';
import { Fault } from './faults.js';
import { type Answer, type Question, Refused } from './message.js';
import { findRoute } from './routes.js';
import type { Providers, RunningProvider } from './running-provider.js';

const Settings = z.strictObject({
  latency_ms: z.int().min(0).exactOptional(),
  requests_per_minute: z.int().min(0).exactOptional(),
  setup_ms: z.int().min(0).exactOptional(),
  account_limit: z.int().min(0).nullable().exactOptional(),
});
const Report = z.strictObject({
  account: z.string(),
  event: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  secret: z.string().min(1),
});
const Key = z.strictObject({ key: z.string().min(1) });
const AccountFields = z.record(z.string(), z.unknown());

/** Makes every provider as it was at its first start. */
export function resetAll(providers: Providers): void {
  for (const provider of providers.values()) provider.reset();
}

/** Answers one control request; a mistake in it gets 400, 404 or 405 with a sentence. */
export function answerControl(providers: Providers, question: Question): Answer {
  try {
    const [name, ...rest] = question.segments;
    if (name === undefined) return { status: 200, body: overview(providers, question.origin) };
    if (name === 'reset' && rest.length === 0 && question.method === 'POST') {
      resetAll(providers);
      return { status: 200, body: { reset: true } };
    }
    const provider = [...providers.values()].find(({ definition }) => definition.name === name);
    return provider
      ? controlProvider(provider, question, rest)
      : complaint(404, 'No such provider');
  } catch (error) {
    if (error instanceof Refused) return error.answer;
    throw error;
  }
}

interface ControlRoute {
  readonly method: string;
  readonly path: string;
  readonly handle: (provider: RunningProvider, question: Question, id: string) => Answer;
}

const ROUTES: readonly ControlRoute[] = [
  { method: 'GET', path: '/', handle: (provider) => ({ status: 200, body: provider.counts() }) },
  {
    method: 'GET',
    path: '/requests',
    handle: (provider) => ({ status: 200, body: { requests: provider.traffic.log } }),
  },
  {
    method: 'POST',
    path: '/faults',
    handle: (provider, question) => ({
      status: 201,
      body: { id: provider.faults.add(body(question, Fault)) },
    }),
  },
  {
    method: 'DELETE',
    path: '/faults',
    handle: (provider) => {
      provider.faults.clear();
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    path: '/accounts',
    handle: (provider, question) => ({
      status: 200,
      body: { accounts: firstAccounts(provider, question) },
    }),
  },
  {
    method: 'GET',
    path: '/accounts/{id}',
    handle: (provider, _question, id) => {
      const account = provider.account(id);
      return account ? { status: 200, body: account } : complaint(404, 'No such account');
    },
  },
  {
    method: 'PUT',
    path: '/accounts/{id}',
    handle: (provider, question, id) => ({
      status: 200,
      body: provider.putAccount(id, body(question, AccountFields)),
    }),
  },
  {
    method: 'DELETE',
    path: '/accounts/{id}',
    handle: (provider, _question, id) =>
      provider.removeAccount(id) ? { status: 204 } : complaint(404, 'No such account'),
  },
  {
    method: 'POST',
    path: '/reports',
    handle: (provider, question) => {
      const { account, event, ...to } = body(question, Report);
      if (!provider.definition.report) return complaint(404, 'The provider reports nothing');
      if (!provider.account(account)) return complaint(404, 'No such account');
      // Like the provider itself, it tells nobody whether it arrived.
      provider.report(account, event, to).catch(() => {});
      return { status: 202, body: { sent_to: to.url } };
    },
  },
  {
    method: 'PUT',
    path: '/key',
    handle: (provider, question) => {
      provider.setKey(body(question, Key).key);
      return { status: 204 };
    },
  },
  {
    method: 'PUT',
    path: '/settings',
    handle: (provider, question) => {
      provider.changeSettings(body(question, Settings));
      return { status: 200, body: provider.settings };
    },
  },
];

/** An account id may hold slashes, encoded or plain: it is all that follows `accounts`. */
function controlProvider(
  provider: RunningProvider,
  question: Question,
  [part, ...id]: readonly string[],
): Answer {
  const segments = [part ?? '', id.join('/')].filter((segment) => segment !== '');
  const match = findRoute(ROUTES, question.method, segments);
  if (match === 'unknown_path') return complaint(404, 'No such control route');
  if (match === 'wrong_method')
    return complaint(405, 'The method is not allowed for this control route');
  return match.route.handle(provider, question, match.params.id ?? '');
}

function overview(providers: Providers, origin: string): unknown {
  return Object.fromEntries(
    [...providers].map(([name, { definition, apiKey }]) => [
      name,
      { base_url: `${origin}${definition.mountPath}`, api_key: apiKey },
    ]),
  );
}

function firstAccounts(provider: RunningProvider, question: Question): unknown[] {
  const limit = Number(question.query.get('limit') ?? 100);
  const found: unknown[] = [];
  for (const { account } of provider.accounts.walk('newest_first')) {
    if (found.length >= limit) break;
    found.push(account);
  }
  return found;
}

function body<Shape>(question: Question, schema: z.ZodType<Shape>): Shape {
  try {
    return schema.parse(JSON.parse(question.text));
  } catch (error) {
    throw new Refused(
      complaint(
        400,
        error instanceof z.ZodError ? z.prettifyError(error) : 'The body is not valid JSON',
      ),
    );
  }
}

function complaint(status: number, error: string): Answer {
  return { status, body: { error } };
}
