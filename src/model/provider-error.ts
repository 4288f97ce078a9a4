/**
 * What can go wrong at a provider, in the gateway's words. `retryable`: the same request may
 * succeed later. `outcomeUnknown`: the provider may have done the work all the same.
 */
export const PROVIDER_ERRORS = {
  /** The key is missing, wrong, revoked, expired or switched off. */
  credential_rejected: { retryable: false, outcomeUnknown: false },
  /** The key is good and may not do this. */
  permission_denied: { retryable: false, outcomeUnknown: false },
  /** The provider has no such account. */
  not_found: { retryable: false, outcomeUnknown: false },
  /** Create: the provider already holds the account. */
  already_exists: { retryable: false, outcomeUnknown: false },
  /** Pause of a paused account, resume of an active one: what was asked for is already so. */
  already_so: { retryable: false, outcomeUnknown: false },
  /** The account's state forbids the operation. */
  state_conflict: { retryable: false, outcomeUnknown: false },
  /** The plan's account cap is used up. */
  quota_exceeded: { retryable: false, outcomeUnknown: false },
  /** The provider refuses the request for a reason of its own. */
  refused: { retryable: false, outcomeUnknown: false },
  rate_limited: { retryable: true, outcomeUnknown: false },
  /** Its 503. A proxy may have sent it after the work was done. */
  unavailable: { retryable: true, outcomeUnknown: true },
  server_error: { retryable: true, outcomeUnknown: true },
  timeout: { retryable: true, outcomeUnknown: true },
  /** Refused, reset or cut connection. */
  network: { retryable: true, outcomeUnknown: true },
  /**
   * The answer is not what the provider documents: not JSON, cut off, too large or of the wrong
   * shape.
   */
  invalid_answer: { retryable: true, outcomeUnknown: true },
  /**
   * The account is not shown, by a key that has shown none of the connection's accounts yet: it may
   * be somebody else's.
   */
  absence_unproven: { retryable: true, outcomeUnknown: false },
  /** Not sent: the breaker is open. */
  circuit_open: { retryable: true, outcomeUnknown: false },
} as const;

export type ProviderErrorCode = keyof typeof PROVIDER_ERRORS;

/**
 * A call to a provider that failed. `message` is fit for callers: it holds no credential and no
 * answer body.
 */
export class ProviderError extends Error {
  readonly provider: string;
  readonly code: ProviderErrorCode;
  /** HTTP status of the provider's answer; `null` when there was none. */
  readonly status: number | null;
  /** The provider's own error code, word for word. */
  readonly providerCode: string | null;
  /** The provider's own error text, cut to a sentence or two. */
  readonly providerMessage: string | null;
  /** Seconds to wait before another try, as the provider (or the open breaker) says. */
  readonly retryAfterSeconds: number | null;

  constructor(
    provider: string,
    code: ProviderErrorCode,
    message: string,
    facts: {
      readonly status?: number | null;
      readonly providerCode?: string | null;
      readonly providerMessage?: string | null;
      readonly retryAfterSeconds?: number | null;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'ProviderError';
    this.provider = provider;
    this.code = code;
    this.status = facts.status ?? null;
    this.providerCode = facts.providerCode ?? null;
    this.providerMessage = facts.providerMessage ?? null;
    this.retryAfterSeconds = facts.retryAfterSeconds ?? null;
  }

  get retryable(): boolean {
    return PROVIDER_ERRORS[this.code].retryable;
  }

  get outcomeUnknown(): boolean {
    return PROVIDER_ERRORS[this.code].outcomeUnknown;
  }
}
