import type { AccountSource, Accounts } from './accounts.js';
import type { Answer, Fields, Question } from './message.js';
import type { Quota } from './rate-window.js';

export const PROVIDER_NAMES = [
  'outfame',
  'creatoraudit',
  'socialsyncer',
  'octopost',
  'postiz',
  'zernio',
] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** What may be changed while a provider runs. */
export interface ProviderSettings {
  /** Added to every answer, in milliseconds. */
  readonly latency_ms: number;
  readonly requests_per_minute: number;
  /** Milliseconds until a new account is validated (Outfame) or first refreshed (CreatorAudit). */
  readonly setup_ms: number;
  /** Most accounts the plan allows; null is no cap. */
  readonly account_limit: number | null;
}

/** A request that was let in, with all a handler may use. */
export interface Call {
  readonly question: Question;
  readonly params: Readonly<Record<string, string>>;
  readonly accounts: Accounts;
  readonly settings: ProviderSettings;
  readonly now: Date;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** `/accounts/{id}`: a part in braces matches any one path segment. */
  readonly path: string;
  /** Answers without a key and outside the rate limit. */
  readonly open?: true;
  readonly handle: (call: Call) => Answer;
}

/** Why a provider turns a request down before any route of it is tried. */
export type RefusalReason =
  | 'missing_key'
  | 'invalid_key'
  | 'revoked_key'
  | 'forbidden'
  | 'not_found'
  | 'rate_limited'
  | 'server_error'
  | 'unavailable'
  | 'unknown_path'
  | 'wrong_method';

export interface RefusalContext {
  readonly question: Question;
  readonly quota: Quota;
  /** Seconds; for `rate_limited` and `unavailable`. */
  readonly retryAfter: number;
}

/** One provider, as data: its words for everything that they have in common, and its routes. */
export interface Provider {
  readonly name: ProviderName;
  readonly mountPath: `/${string}`;
  readonly defaultKey: string;
  /** The `Authorization` header of a key; `Bearer <key>` when left out. */
  readonly authorization?: (key: string) => string;
  /** The accounts it holds at its start: a few hand-made ones and `generated` made by rule. */
  readonly source: (generated: number, startedAt: Date) => AccountSource;
  /** Defaults of an account that is put in over a control route. */
  readonly blank: (id: string, now: Date) => Fields;
  /** Tried in order; the first match answers. */
  readonly routes: readonly Route[];
  readonly refuse: (reason: RefusalReason, context: RefusalContext) => Answer;
  /** What it sends to an address when something has happened to an account, signed with a secret. */
  readonly report?: (
    event: string,
    account: Fields,
    secret: string,
    now: Date,
  ) => { readonly headers: Readonly<Record<string, string>>; readonly body: string };
  /** Checks every request that has a good key, before its route; throws `Refused`. */
  readonly admit?: (question: Question) => void;
  /** Adds what every answer carries. `quota` is absent on open routes. */
  readonly finish: (answer: Answer, question: Question, quota: Quota | undefined) => Answer;
}
