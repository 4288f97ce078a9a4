import type { z } from 'zod';
import { announcedLimit, retryAfterSeconds } from '../lib/http-headers.js';
import { storable } from '../lib/text.js';
import {
  type AnyAdapter,
  type OperationName,
  ProviderError,
  type ProviderErrorCode,
} from '../model/index.js';
import { redactText } from './redact.js';
import type { ProviderResponse } from './response.js';

const MAX_MESSAGE_LENGTH = 300;
/** Retry-After beyond a day is a mistake of the provider's. */
const MAX_WAIT_SECONDS = 86_400;

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

/**
 * An answer that is not 2xx, in the gateway's words; the provider's own are shown without the
 * `secrets` that it was sent.
 */
export function refusal(
  adapter: AnyAdapter,
  operation: OperationName,
  answer: ProviderResponse,
  secrets: readonly string[],
  now: Date,
): ProviderError {
  if (answer.status < 400)
    return invalidAnswer(adapter, `a redirect (${answer.status})`, answer.status);
  const fault = readErrorBody(adapter, answer.body);
  const own = fault?.code == null ? undefined : ownCode(adapter, fault.code);
  const code = own ?? codeOfStatus(answer.status, operation);
  const wait =
    retryAfterSeconds(answer.headers, now) ??
    fault?.retryAfterSeconds ??
    (code === 'rate_limited' ? secondsToReset(answer, now) : null);
  return new ProviderError(
    adapter.id,
    code,
    `${adapter.name} ${SAID[code] ?? 'refused the request'} (${answer.status}).`,
    {
      status: answer.status,
      providerCode: fault?.code == null ? null : showable(fault.code, secrets),
      providerMessage: fault?.message == null ? null : showable(fault.message, secrets),
      retryAfterSeconds: wait === null ? null : Math.min(wait, MAX_WAIT_SECONDS),
    },
  );
}

/** The provider's own text without secrets, safe to show and store. */
function showable(text: string, secrets: readonly string[]): string {
  return storable(redactText(text, secrets).slice(0, MAX_MESSAGE_LENGTH));
}

function readErrorBody(
  adapter: AnyAdapter,
  body: string,
): ReturnType<AnyAdapter['errorBody']['read']> | null {
  try {
    const fault = adapter.errorBody.schema.safeParse(JSON.parse(body));
    return fault.success ? adapter.errorBody.read(fault.data) : null;
  } catch {
    // Proxies answer with HTML; the status is enough.
    return null;
  }
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
    case 404:
      return 'not_found';
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

function secondsToReset(answer: ProviderResponse, now: Date): number | null {
  const resetAt = announcedLimit(answer.headers, now)?.resetAt ?? null;
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
  cause?: unknown,
): ProviderError {
  return new ProviderError(adapter.id, 'invalid_answer', `${adapter.name} answered with ${what}.`, {
    status,
    cause,
  });
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
      return invalidAnswer(adapter, 'a body that is too large', status, error);
    case 'ENCODING_UNKNOWN':
    case 'Z_DATA_ERROR':
      return invalidAnswer(adapter, 'a body whose encoding cannot be read', status, error);
    default:
      return invalidAnswer(adapter, 'a body that was cut off', status, error);
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
