import type { z } from 'zod';
import { announcedLimit, retryAfterSeconds } from '../lib/http-headers.js';
import { storable } from '../lib/text.js';
import {
  type AnyAdapter,
  type OperationName,
  ProviderError,
  type ProviderErrorCode,
} from '../model/index.js';
import type { AnswerBody } from './answer-body.js';
import { redactText } from './redact.js';
import type { ProviderResponse } from './response.js';

const MAX_MESSAGE_LENGTH = 300;
/** Retry-After beyond a day is a mistake of the provider's. */
const MAX_WAIT_SECONDS = 86_400;

/** Errors that a code may name under a 5xx, which is a failure whatever its body says. */
const OUTAGES: ReadonlySet<ProviderErrorCode> = new Set([
  'server_error',
  'unavailable',
  'rate_limited',
  'timeout',
]);
/** What every key may ask: a 404 to these says that the API is away, and nothing of an account. */
const ALWAYS_THERE: ReadonlySet<OperationName> = new Set(['list', 'health', 'verify']);
/** What is asked about one account: a 404 to these may say that there is none. */
const ABOUT_ACCOUNT: ReadonlySet<OperationName> = new Set([
  'get',
  'detail',
  'update',
  'pause',
  'resume',
  'activity',
  'stats',
  'disconnect',
]);

const SAID: Partial<Record<ProviderErrorCode, string>> = {
  credential_rejected: 'rejected the key of this connection',
  permission_denied: 'does not allow this with the key of this connection',
  not_found: 'did not find the resource',
  already_exists: 'already has this account',
  already_so: 'reports that nothing needs to change',
  state_conflict: "refused the request because of the account's state",
  quota_exceeded: "refused the request because the plan's quota is used up",
  refused: 'refused the request',
  rate_limited: 'received too many requests and asks to wait',
  unavailable: 'is unavailable at the moment',
  server_error: 'failed with an internal error',
};

/** What an error body says, fit to be shown and stored. */
interface FaultFacts {
  readonly providerCode: string | null;
  readonly providerMessage: string | null;
  readonly retryAfterSeconds: number | null;
}

/** The call whose answer is a refusal. */
interface RefusedCall {
  readonly adapter: AnyAdapter;
  readonly name: OperationName;
  /** What was sent and is never shown. */
  readonly secrets: readonly string[];
  readonly now: Date;
}

/**
 * An answer of 400 and above in the gateway's words; the provider's own are shown without the
 * `secrets` that it was sent.
 */
export function refusal(
  { adapter, name, secrets, now }: RefusedCall,
  answer: ProviderResponse,
  body: AnswerBody,
): { readonly shape: 'not_found' | 'error' | 'unreadable'; readonly error: ProviderError } {
  const fault = body.kind === 'json' ? ownFault(adapter, body.value, answer.headers) : null;
  const code = codeOf(adapter, name, answer.status, fault, body);
  const shape =
    code === 'not_found' ? 'not_found' : fault === null || code === null ? 'unreadable' : 'error';
  const { status } = answer;
  const facts = faultFacts(fault, answer, secrets, now);
  if (code === null) {
    return {
      shape,
      error: invalidAnswer(adapter, foreignness(status, fault, body), status, facts),
    };
  }
  return { shape, error: ofCode(adapter, code, answer, facts, now) };
}

/**
 * An error under a success status, of a provider that documents them so and with a code that its
 * adapter translates; `null`: the answer proves nothing.
 */
export function refusalInSuccess(
  { adapter, name, secrets, now }: RefusedCall,
  answer: ProviderResponse,
  document: unknown,
): { readonly shape: 'not_found' | 'error'; readonly error: ProviderError } | null {
  if (adapter.errorBody.comesWithSuccess === undefined) return null;
  const fault = ownFault(adapter, document, answer.headers);
  const own = fault?.code == null ? undefined : ownCode(adapter, fault.code);
  if (own === undefined) return null;
  const code = own === 'not_found' && !ABOUT_ACCOUNT.has(name) ? 'refused' : own;
  const facts = faultFacts(fault, answer, secrets, now);
  return {
    shape: code === 'not_found' ? 'not_found' : 'error',
    error: ofCode(adapter, code, answer, facts, now),
  };
}

function ofCode(
  adapter: AnyAdapter,
  code: ProviderErrorCode,
  answer: ProviderResponse,
  facts: FaultFacts,
  now: Date,
): ProviderError {
  const reset = code === 'rate_limited' ? secondsToReset(adapter, answer, now) : null;
  const wait = facts.retryAfterSeconds ?? reset;
  const message = `${adapter.name} ${SAID[code] ?? 'refused the request'} (${answer.status}).`;
  const retryAfterSeconds = wait === null ? null : Math.min(wait, MAX_WAIT_SECONDS);
  const details = { ...facts, status: answer.status, retryAfterSeconds };
  return new ProviderError(adapter.id, code, message, details);
}

/** What an error body says besides its code. */
export function faultFacts(
  fault: OwnFault | null,
  answer: ProviderResponse,
  secrets: readonly string[],
  now: Date,
): FaultFacts {
  const wait = retryAfterSeconds(answer.headers, now) ?? fault?.retryAfterSeconds ?? null;
  return {
    providerCode: fault?.code == null ? null : showable(fault.code, secrets),
    providerMessage: fault?.message == null ? null : showable(fault.message, secrets),
    retryAfterSeconds: wait === null ? null : Math.min(wait, MAX_WAIT_SECONDS),
  };
}

/** The provider's own text without secrets, safe to show and store. */
function showable(text: string, secrets: readonly string[]): string {
  return storable(redactText(text, secrets).slice(0, MAX_MESSAGE_LENGTH));
}

/** An error as the provider itself writes them. */
type OwnFault = ReturnType<AnyAdapter['errorBody']['read']>;

/**
 * Reads an error body with the adapter's schema; `null` when it is not the provider's: another
 * document, or one with neither a code nor a message.
 */
export function ownFault(
  adapter: AnyAdapter,
  document: unknown,
  headers: ProviderResponse['headers'],
): OwnFault | null {
  const parsed = adapter.errorBody.schema.safeParse(document);
  if (!parsed.success) return null;
  const fault = adapter.errorBody.read(parsed.data, headers);
  return fault.code === null && fault.message === null ? null : fault;
}

/** What an error status means; `null`: it is not the provider that answered. */
function codeOf(
  adapter: AnyAdapter,
  operation: OperationName,
  status: number,
  fault: OwnFault | null,
  body: AnswerBody,
): ProviderErrorCode | null {
  const own = fault?.code == null ? undefined : ownCode(adapter, fault.code);
  // A code that says "not found" under another status is not the provider's 404.
  if (own !== undefined && own !== 'not_found' && (status < 500 || OUTAGES.has(own))) return own;
  if (status === 404 || status === 410) {
    if (fault === null || ALWAYS_THERE.has(operation)) return null;
    return ABOUT_ACCOUNT.has(operation) ? 'not_found' : 'refused';
  }
  return isForeign(status, body) ? null : codeOfStatus(status, operation);
}

/** Whether a refusal comes from something between the provider and us. */
function isForeign(status: number, body: AnswerBody): boolean {
  if (status === 407) return true;
  // A 429 is honoured whoever sent it; a 401 may have no body worth reading (Outfame docs,
  // /docs/authentication: only the status is documented).
  if (body.kind !== 'foreign' || status >= 500 || status === 429) return false;
  return status !== 401 || body.isWebPage;
}

function foreignness(status: number, fault: OwnFault | null, body: AnswerBody): string {
  if (fault !== null) return `status ${status}, as if its API did not exist`;
  const what = { none: 'no body', json: 'no error of its own', foreign: '' }[body.kind];
  return `a status ${status} that is not its own (${body.kind === 'foreign' ? body.what : what})`;
}

function ownCode(adapter: AnyAdapter, providerCode: string): ProviderErrorCode | undefined {
  return Object.hasOwn(adapter.errorBody.codes, providerCode)
    ? adapter.errorBody.codes[providerCode]
    : undefined;
}

function codeOfStatus(status: number, operation: OperationName): ProviderErrorCode {
  switch (status) {
    case 401:
      return 'credential_rejected';
    case 403:
      return 'permission_denied';
    case 408:
      return 'timeout';
    case 409:
      return operation === 'create' ? 'already_exists' : 'state_conflict';
    case 429:
      return 'rate_limited';
    case 503:
      return 'unavailable';
    default:
      return status < 500 ? 'refused' : 'server_error';
  }
}

function secondsToReset(
  { rateLimitHeaders }: AnyAdapter,
  answer: ProviderResponse,
  now: Date,
): number | null {
  const resetAt = announcedLimit(answer.headers, now, rateLimitHeaders)?.resetAt ?? null;
  return resetAt === null ? null : Math.max(0, Math.ceil((resetAt - now.getTime()) / 1000));
}

/**
 * An answer that is not what the provider documents. `what` completes "answered with …" and holds
 * nothing of the body.
 */
export function invalidAnswer(
  adapter: AnyAdapter,
  what: string,
  status: number | null,
  facts: Partial<FaultFacts> & { readonly cause?: unknown } = {},
): ProviderError {
  const message = `${adapter.name} answered with ${what}.`;
  return new ProviderError(adapter.id, 'invalid_answer', message, { ...facts, status });
}

/** The account is not shown, by a key that may be somebody else's. */
export function absenceUnproven(adapter: AnyAdapter): ProviderError {
  const message =
    `${adapter.name} does not show the account, but the connection's key or address was changed ` +
    'and has shown none of its accounts yet.';
  return new ProviderError(adapter.id, 'absence_unproven', message);
}

/** What is wrong first, and where; never the value. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  const place = issue?.path.map(String).join('.') || 'body';
  return `${place}: ${issue?.message ?? 'invalid'}`.slice(0, 300);
}

/** A request that got no whole answer, by what Node and undici call it. */
export function transportError(adapter: AnyAdapter, error: unknown): ProviderError {
  switch (errorCode(error)) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'ETIMEDOUT':
      return new ProviderError(adapter.id, 'timeout', `${adapter.name} did not answer in time.`, {
        cause: error,
      });
    case 'ECONNREFUSED':
      return network(adapter, 'refused the connection', error);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return network(adapter, 'could not be reached: its host name does not resolve', error);
    case 'UND_ERR_INVALID_ARG':
      return new ProviderError(
        adapter.id,
        'refused',
        `${adapter.name} was not called: the key contains characters that HTTP headers cannot carry.`,
        {
          cause: error,
        },
      );
    default:
      return network(adapter, 'closed the connection too early', error);
  }
}

/** The call's own deadline ended while the provider was at work. */
export function deadlinePassed(adapter: AnyAdapter, deadlineMs: number): ProviderError {
  return new ProviderError(
    adapter.id,
    'timeout',
    `${adapter.name} did not answer within ${deadlineMs / 1000} s.`,
  );
}

/** An answer whose headers came and whose body did not, or not as HTTP. */
export function brokenBody(adapter: AnyAdapter, error: unknown, status: number): ProviderError {
  switch (errorCode(error)) {
    case 'UND_ERR_BODY_TIMEOUT':
      return transportError(adapter, error);
    case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
    case 'ERR_BUFFER_TOO_LARGE':
      return invalidAnswer(adapter, 'a body that is too large', status, { cause: error });
    case 'ENCODING_UNKNOWN':
    case 'Z_DATA_ERROR':
      return invalidAnswer(adapter, 'a body whose encoding cannot be read', status, {
        cause: error,
      });
    default:
      return invalidAnswer(adapter, 'a body that was cut off', status, { cause: error });
  }
}

function network(adapter: AnyAdapter, what: string, cause: unknown): ProviderError {
  return new ProviderError(adapter.id, 'network', `${adapter.name} ${what}.`, { cause });
}

function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string'
    ? error.code
    : undefined;
}
